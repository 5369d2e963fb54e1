"""What people do about failures and conflicts."""
