#!/bin/sh
# One database a service, the role that owns it (and migrates), the role that serves, and one role
# that reads them all; nobody else may connect. What a serving role may do, `migrate` grants.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres <<SQL
CREATE ROLE checker LOGIN PASSWORD '${LTC_CHECKER_PASSWORD:-checker}';
SQL
for name in lead deal quote contract order billing console hub; do
  upper=$(echo "$name" | tr a-z A-Z)
  owner=$(eval "echo \${LTC_${upper}_PASSWORD:-$name}")
  runtime=$(eval "echo \${LTC_${upper}_RUNTIME_PASSWORD:-${name}_runtime}")
  psql -v ON_ERROR_STOP=1 -U postgres <<SQL
CREATE ROLE "$name" LOGIN PASSWORD '$owner';
CREATE ROLE "${name}_runtime" LOGIN PASSWORD '$runtime';
CREATE DATABASE "$name" OWNER "$name";
REVOKE ALL ON DATABASE "$name" FROM PUBLIC;
GRANT CONNECT ON DATABASE "$name" TO "${name}_runtime", checker;
\connect "$name"
ALTER DEFAULT PRIVILEGES FOR ROLE "$name" IN SCHEMA public GRANT SELECT ON TABLES TO checker;
SQL
done
