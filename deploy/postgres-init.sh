#!/bin/sh
# One database and role a service; nobody but its role may connect to a database.
set -eu
for name in lead deal quote contract order billing console; do
  upper=$(echo "$name" | tr a-z A-Z)
  password=$(eval "echo \${LTC_${upper}_PASSWORD:-$name}")
  psql -v ON_ERROR_STOP=1 -U postgres <<SQL
CREATE ROLE "$name" LOGIN PASSWORD '$password';
CREATE DATABASE "$name" OWNER "$name";
REVOKE ALL ON DATABASE "$name" FROM PUBLIC;
SQL
done
