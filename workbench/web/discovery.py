"""Finds what is in a package: adding a page or an API touches no other file."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from fastapi import APIRouter

from workbench.web.navigation import NavigationItem


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    """The modules of a package, by name."""
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        yield import_module(f"{package.__name__}.{found.name}")


def routers_of(package: ModuleType) -> list[APIRouter]:
    """What each module serves as `router`. Raises TypeError for a module without one."""
    routers = []
    for module in modules_of(package):
        router = getattr(module, "router", None)
        if not isinstance(router, APIRouter):
            raise TypeError(f"{module.__name__} has no router")
        routers.append(router)
    return routers


def navigation_of(package: ModuleType) -> list[NavigationItem]:
    """The entries of the header that the modules name as `NAVIGATION`, in their order."""
    named = [getattr(module, "NAVIGATION", None) for module in modules_of(package)]
    return sorted((one for one in named if one is not None), key=lambda one: one.order)
