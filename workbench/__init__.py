"""What people do with the gateway: see, explain, mend and prove."""
