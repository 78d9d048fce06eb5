"""The only SQL of the application: tables, migrations, the one writer, and short reads."""
