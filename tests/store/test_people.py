"""Users, links, tokens, sessions, throttles and proposals, on either engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from canonical.errors import GatewayError, Malformed, Unsupported
from store.access import api_tokens, people, proposals, sessions
from store.access.api_tokens import NewToken
from store.access.audit_entries import list_audit
from store.access.audit_log import verify_audit_log
from store.access.people import NewLink, User
from store.access.proposals import AlreadyDecided, NewProposal, NotYours
from store.access.sessions import ThrottleKey
from store.database import Database
from store.tables import proposals as proposals_table
from tests.store.building import IDS, NOW

IDLE = timedelta(hours=2)
NAME = ThrottleKey(b"n" * 32, 3)
ADDRESS = ThrottleKey(b"a" * 32, 5)


async def person(database: Database, name: str = "ada", role: str = "admin") -> User:
    """Somebody who is there."""
    return await database.write(
        lambda c: people.add_user(
            c, user_id=IDS.next(), name=name, display_name=name, role=role, by="cli:me", now=NOW
        )
    )


async def link(database: Database, digest: bytes, user_id: int | None = None) -> None:
    """A link that is good for half an hour."""
    new = NewLink(digest=digest, user_id=user_id, expires_at=NOW + timedelta(minutes=30))
    await database.write(lambda c: people.add_link(c, new, by="gateway", now=NOW))


async def begin(database: Database, user: User, digest: bytes, **changes: object) -> None:
    """A session of twelve hours."""
    given = {"ends_at": NOW + timedelta(hours=12), "now": NOW, "replaced": None} | changes
    await database.write(
        lambda c: sessions.begin_session(c, digest, user.user_id, **given)  # type: ignore[arg-type]
    )


async def first_admin(database: Database, digest: bytes, name: str) -> User:
    """Whoever comes by a first link."""
    return await database.write(
        lambda c: people.use_first_link(
            c,
            digest,
            user_id=IDS.next(),
            name=name,
            display_name=name,
            password_hash="hash",
            now=NOW,
        )
    )


async def test_a_name_is_taken_once(database: Database) -> None:
    await person(database)
    with pytest.raises(Malformed) as refused:
        await person(database)
    assert refused.value.code == "name_taken"
    assert [one.name for one in await database.read(people.list_users)] == ["ada"]


async def test_a_link_is_good_once_and_for_its_person(database: Database) -> None:
    user = await person(database)
    await link(database, b"d" * 32, user.user_id)
    good, whose = await database.read(lambda c: people.find_link(c, b"d" * 32, NOW))
    assert good
    assert whose == user
    used = await database.write(lambda c: people.use_link(c, b"d" * 32, "hash", NOW))
    assert used.has_password
    with pytest.raises(Unsupported):
        await database.write(lambda c: people.use_link(c, b"d" * 32, "other", NOW))
    found = await database.read(lambda c: people.password_of(c, "ada"))
    assert found is not None
    assert found[1] == "hash"


async def test_a_link_runs_out(database: Database) -> None:
    user = await person(database)
    await link(database, b"d" * 32, user.user_id)
    later = NOW + timedelta(minutes=30)
    assert await database.read(lambda c: people.find_link(c, b"d" * 32, later)) == (False, None)
    with pytest.raises(Unsupported):
        await database.write(lambda c: people.use_link(c, b"d" * 32, "hash", later))


async def test_a_newer_link_voids_the_older(database: Database) -> None:
    user = await person(database)
    await link(database, b"1" * 32, user.user_id)
    await link(database, b"2" * 32, user.user_id)
    assert not (await database.read(lambda c: people.find_link(c, b"1" * 32, NOW)))[0]
    assert (await database.read(lambda c: people.find_link(c, b"2" * 32, NOW)))[0]


async def test_there_is_one_first_administrator(database: Database) -> None:
    await link(database, b"1" * 32)
    await link(database, b"2" * 32)
    came = await asyncio.gather(
        first_admin(database, b"1" * 32, "ada"),
        first_admin(database, b"2" * 32, "grace"),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in came) == ["Unsupported", "User"]
    assert len(await database.read(people.list_users)) == 1


async def test_first_links_end_with_the_first_user(database: Database) -> None:
    await link(database, b"1" * 32)
    await person(database)
    with pytest.raises(Unsupported):
        await first_admin(database, b"1" * 32, "grace")


@pytest.mark.parametrize("act", ["role", "disable"])
async def test_an_administrator_is_left(database: Database, act: str) -> None:
    await person(database)
    await person(database, "grace", "operator")

    async def try_it() -> None:
        if act == "role":
            await database.write(lambda c: people.set_role(c, "ada", "viewer", by="ada", now=NOW))
        else:
            await database.write(lambda c: people.disable_user(c, "ada", by="ada", now=NOW))

    with pytest.raises(Malformed) as refused:
        await try_it()
    assert refused.value.code == "last_admin"
    await person(database, "edsger")
    await try_it()
    assert await database.read(people.count_admins) == 1


async def test_two_administrators_cannot_shut_each_other_out_at_once(database: Database) -> None:
    await person(database, "ada")
    await person(database, "grace")
    came = await asyncio.gather(
        database.write(lambda c: people.disable_user(c, "ada", by="grace", now=NOW)),
        database.write(lambda c: people.disable_user(c, "grace", by="ada", now=NOW)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Malformed) for one in came) == 1
    assert await database.read(people.count_admins) == 1


async def test_who_is_shut_out_is_out_everywhere(database: Database) -> None:
    await person(database, "root")
    user = await person(database)
    await begin(database, user, b"s" * 32)
    await add_token(database, b"t" * 32, user)
    await link(database, b"l" * 32, user.user_id)
    await database.write(lambda c: people.disable_user(c, "ada", by="root", now=NOW))
    assert await find(database, b"s" * 32) is None
    assert await database.read(lambda c: api_tokens.recognise_token(c, b"t" * 32, NOW)) is None
    assert not (await database.read(lambda c: people.find_link(c, b"l" * 32, NOW)))[0]
    await database.write(lambda c: people.enable_user(c, "ada", by="root", now=NOW))
    assert await find(database, b"s" * 32) is None
    assert await database.read(lambda c: api_tokens.recognise_token(c, b"t" * 32, NOW))


async def find(database: Database, digest: bytes, after: timedelta = timedelta()) -> object:
    """The session with this digest, some time later."""
    return await database.read(
        lambda c: sessions.find_session(c, digest, idle=IDLE, now=NOW + after)
    )


async def test_a_session_ends_when_idle_and_in_any_case(database: Database) -> None:
    user = await person(database)
    await begin(database, user, b"s" * 32)
    assert await find(database, b"s" * 32, timedelta(minutes=119)) is not None
    assert await find(database, b"s" * 32, timedelta(minutes=120)) is None
    for hours in range(1, 12):
        seen = NOW + timedelta(hours=hours)
        await database.write(lambda c, at=seen: sessions.note_seen(c, b"s" * 32, at))  # type: ignore[misc]
    assert await find(database, b"s" * 32, timedelta(hours=11, minutes=59)) is not None
    assert await find(database, b"s" * 32, timedelta(hours=12)) is None


async def test_a_new_session_replaces_the_browsers_old_one(database: Database) -> None:
    user = await person(database)
    await begin(database, user, b"1" * 32)
    await begin(database, user, b"2" * 32, replaced=b"1" * 32)
    assert await find(database, b"1" * 32) is None
    assert await find(database, b"2" * 32) is not None


async def test_a_new_password_ends_every_session(database: Database) -> None:
    user = await person(database)
    await begin(database, user, b"1" * 32)
    await database.write(lambda c: people.set_password(c, "ada", "hash", by="ada", now=NOW))
    assert await find(database, b"1" * 32) is None


async def admit(database: Database, *keys: ThrottleKey, after: timedelta = timedelta()) -> object:
    """A try to sign in: None, or when one may."""
    return await database.write(lambda c: sessions.admit(c, keys, NOW + after))


async def test_tries_are_paused_longer_and_longer(database: Database) -> None:
    assert [await admit(database, NAME) for _ in range(3)] == [None, None, None]
    assert await admit(database, NAME) == NOW + timedelta(seconds=30)
    assert await admit(database, NAME, after=timedelta(seconds=30)) is None
    second = timedelta(seconds=31)
    assert await admit(database, NAME, after=second) == NOW + timedelta(seconds=90)


async def test_pauses_have_an_end_and_failures_are_forgotten(database: Database) -> None:
    after = timedelta()
    for _ in range(12):
        until = await admit(database, NAME, after=after)
        after += timedelta() if until is None else until - (NOW + after)  # type: ignore[operator]
    until = await admit(database, NAME, after=after)
    pause = timedelta() if until is None else until - (NOW + after)  # type: ignore[operator]
    assert pause <= sessions.LONGEST_PAUSE
    much_later = after + timedelta(hours=1)
    assert [await admit(database, NAME, after=much_later) for _ in range(3)] == [None] * 3


async def test_tries_made_at_once_do_not_pass_together(database: Database) -> None:
    tries = await asyncio.gather(*(admit(database, NAME) for _ in range(10)))
    assert sum(one is None for one in tries) == 3


async def test_signing_in_forgives(database: Database) -> None:
    for _ in range(2):
        await admit(database, NAME, ADDRESS)
    await database.write(lambda c: sessions.forgive(c, NAME, ADDRESS))
    assert [await admit(database, NAME) for _ in range(3)] == [None] * 3
    # Of the address one failure stands.
    assert [await admit(database, ADDRESS) for _ in range(4)] == [None] * 4
    assert await admit(database, ADDRESS) is not None


async def add_token(database: Database, digest: bytes, owner: User | None = None) -> int:
    """A token of ninety days; its id."""
    new = NewToken(
        token_id=IDS.next(),
        name="nightly",
        prefix="o2c_abcdef",
        digest=digest,
        role="viewer",
        user_id=owner.user_id if owner else None,
        expires_at=NOW + timedelta(days=90),
    )
    token = await database.write(lambda c: api_tokens.add_token(c, new, by="ada", now=NOW))
    return token.token_id


async def test_a_token_is_recognised_until_it_ends(database: Database) -> None:
    token_id = await add_token(database, b"t" * 32)
    recognise = api_tokens.recognise_token
    found = await database.read(lambda c: recognise(c, b"t" * 32, NOW))
    assert found is not None
    assert (found.name, found.owner) == ("nightly", None)
    assert await database.read(lambda c: recognise(c, b"u" * 32, NOW)) is None
    late = NOW + timedelta(days=90)
    assert await database.read(lambda c: recognise(c, b"t" * 32, late)) is None
    revoke = api_tokens.revoke_token
    assert await database.write(lambda c: revoke(c, token_id, by="ada", now=NOW))
    assert not await database.write(lambda c: revoke(c, token_id, by="ada", now=NOW))
    assert await database.read(lambda c: recognise(c, b"t" * 32, NOW)) is None


async def propose(database: Database, by: str = "ada") -> int:
    """An open proposal; its id."""
    new = NewProposal(
        proposal_id=IDS.next(), kind="edit", target="dl_1", payload={"amount": "1.00"}, made_by=by
    )
    return (await database.write(lambda c: proposals.add_proposal(c, new, NOW))).proposal_id


async def decide(database: Database, number: int, state: str, by: str) -> str:
    """The state a decision leads to, or the code of the refusal."""
    try:
        done = await database.write(
            lambda c: proposals.decide(c, number, state, by=by, reason="", now=NOW)
        )
    except GatewayError as error:
        return error.code
    return done.state


async def test_a_proposal_goes_forward_only(database: Database) -> None:
    number = await propose(database)
    assert await decide(database, number, "approved", "ada") == "four_eyes"
    assert await decide(database, number, "rejected", "ada") == "four_eyes"
    assert await decide(database, number, "withdrawn", "grace") == "four_eyes"
    assert await decide(database, number, "approved", "grace") == "approved"
    assert await decide(database, number, "rejected", "grace") == "already_decided"
    assert await decide(database, number, "withdrawn", "ada") == "already_decided"
    applied = await database.write(lambda c: proposals.mark_applied(c, number, NOW))
    assert applied.state == "applied"
    with pytest.raises(AlreadyDecided):
        await database.write(lambda c: proposals.mark_applied(c, number, NOW))


async def test_two_who_decide_at_once(database: Database) -> None:
    number = await propose(database)
    came = await asyncio.gather(
        decide(database, number, "approved", "grace"), decide(database, number, "rejected", "bob")
    )
    assert "already_decided" in came
    assert {"approved", "rejected"} & set(came)


async def test_the_store_itself_refuses_two_eyes(database: Database) -> None:
    number = await propose(database)
    forged = update(proposals_table).where(proposals_table.c.id == number)
    with pytest.raises(IntegrityError):
        await database.write(
            lambda c: c.execute(forged.values(state="approved", decided_by="ada")).rowcount
        )


async def test_proposals_are_listed_newest_first(database: Database) -> None:
    numbers = [await propose(database) for _ in range(3)]
    await decide(database, numbers[1], "approved", "grace")
    listed = await database.read(proposals.list_proposals)
    assert [one.proposal_id for one in listed] == [numbers[2], numbers[0]]
    assert listed[0].payload == {"amount": "1.00"}
    older = await database.read(lambda c: proposals.list_proposals(c, before=numbers[2]))
    assert [one.proposal_id for one in older] == [numbers[0]]


async def test_everything_stands_in_the_audit_log(database: Database) -> None:
    user = await person(database)
    await begin(database, user, b"s" * 32)
    number = await propose(database)
    with pytest.raises(NotYours):
        await database.write(
            lambda c: proposals.decide(c, number, "approved", by="ada", reason="", now=NOW)
        )
    await decide(database, number, "rejected", "grace")
    entries = await database.read(list_audit)
    actions = [(one.actor, one.action) for one in reversed(entries)]
    assert actions == [
        ("cli:me", "user.add"),
        ("ada", "session.begin"),
        ("ada", "proposal.make"),
        ("grace", "proposal.reject"),
    ]
    assert await database.read(verify_audit_log) is None


async def test_the_audit_log_is_filtered(database: Database) -> None:
    await person(database)
    await person(database, "grace", "viewer")
    await database.write(lambda c: people.set_role(c, "grace", "operator", by="ada", now=NOW))
    actors = await database.read(lambda c: list_audit(c, actor="ada"))
    assert [one.action for one in actors] == ["user.role"]
    family = await database.read(lambda c: list_audit(c, action="user", target="grace"))
    assert [one.action for one in family] == ["user.role", "user.add"]
    assert not await database.read(lambda c: list_audit(c, action="use"))
    older = await database.read(lambda c: list_audit(c, before=family[0].number, limit=1))
    assert [one.target for one in older] == ["grace"]
    assert not await database.read(lambda c: list_audit(c, since=NOW + timedelta(seconds=1)))


async def test_a_changed_entry_is_found(database: Database) -> None:
    for name in ("ada", "grace", "edsger"):
        await person(database, name)
    forged = text("UPDATE audit_log SET actor = 'nobody' WHERE id = 2")
    await database.write(lambda c: c.execute(forged).rowcount)
    assert await database.read(verify_audit_log) == 2
