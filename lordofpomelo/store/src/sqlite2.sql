-- Version 2, SQLite. What heroes' names are compared by. mysql2.sql is the same for MySQL. It is filled in by `names`.

CREATE TABLE "HeroName" (
    "playerId" INTEGER PRIMARY KEY REFERENCES "Player"("id"),
    "nameKey" TEXT NOT NULL UNIQUE
) STRICT;
