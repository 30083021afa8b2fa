"""PostgreSQL: the connection pool, transactions, named queries, migrations, notifications, replica lag."""
