-- Version 2, MySQL and MariaDB. What heroes' names are compared by. sqlite2.sql is the same for SQLite. It is filled in by `names`.

CREATE TABLE IF NOT EXISTS "HeroName" (
    "playerId" INT UNSIGNED PRIMARY KEY,
    "nameKey" VARCHAR(250) NOT NULL UNIQUE,
    FOREIGN KEY ("playerId") REFERENCES "Player" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
