"""What survives a restart: tables, SQL, migrations."""
