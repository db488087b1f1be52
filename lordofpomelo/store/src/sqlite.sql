-- Version 1, SQLite. Columns as in the original's database, but for types that were too small, and for one row a hero of each kind.
-- mysql.sql is the same for MySQL.

CREATE TABLE "User" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL UNIQUE,
    "password" TEXT NOT NULL DEFAULT '',
    "loginCount" INTEGER NOT NULL DEFAULT 0,
    "from" TEXT NOT NULL DEFAULT '',
    "lastLoginTime" INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE "Player" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "userId" INTEGER NOT NULL UNIQUE REFERENCES "User"("id"),
    "kindId" INTEGER NOT NULL,
    "name" TEXT NOT NULL UNIQUE,
    "country" INTEGER NOT NULL DEFAULT 1,
    "rank" INTEGER NOT NULL DEFAULT 1,
    "level" INTEGER NOT NULL DEFAULT 1,
    "experience" INTEGER NOT NULL DEFAULT 0,
    "attackValue" INTEGER NOT NULL,
    "defenceValue" INTEGER NOT NULL,
    "hitRate" INTEGER NOT NULL,
    "dodgeRate" INTEGER NOT NULL,
    "walkSpeed" INTEGER NOT NULL,
    "attackSpeed" REAL NOT NULL,
    "hp" INTEGER NOT NULL,
    "mp" INTEGER NOT NULL,
    "maxHp" INTEGER NOT NULL,
    "maxMp" INTEGER NOT NULL,
    "areaId" INTEGER NOT NULL DEFAULT 1,
    "x" INTEGER NOT NULL,
    "y" INTEGER NOT NULL,
    "skillPoint" INTEGER NOT NULL DEFAULT 1,
    "term" INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE "Bag" (
    "playerId" INTEGER PRIMARY KEY REFERENCES "Player"("id"),
    "items" TEXT NOT NULL DEFAULT '{}',
    "itemCount" INTEGER NOT NULL DEFAULT 20
) STRICT;
CREATE TABLE "Equipments" (
    "playerId" INTEGER PRIMARY KEY REFERENCES "Player"("id"),
    "weapon" INTEGER NOT NULL DEFAULT 0,
    "armor" INTEGER NOT NULL DEFAULT 0,
    "helmet" INTEGER NOT NULL DEFAULT 0,
    "necklace" INTEGER NOT NULL DEFAULT 0,
    "ring" INTEGER NOT NULL DEFAULT 0,
    "belt" INTEGER NOT NULL DEFAULT 0,
    "shoes" INTEGER NOT NULL DEFAULT 0,
    "legguard" INTEGER NOT NULL DEFAULT 0,
    "amulet" INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE "FightSkill" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "playerId" INTEGER NOT NULL REFERENCES "Player"("id"),
    "skillId" INTEGER NOT NULL,
    "level" INTEGER NOT NULL,
    "type" TEXT NOT NULL DEFAULT 'attack',
    UNIQUE ("playerId", "skillId")
) STRICT;
CREATE TABLE "Task" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "playerId" INTEGER NOT NULL REFERENCES "Player"("id"),
    "kindId" INTEGER NOT NULL,
    "taskState" INTEGER NOT NULL DEFAULT 0,
    "startTime" INTEGER NOT NULL DEFAULT 0,
    "taskData" TEXT NOT NULL DEFAULT '{}',
    UNIQUE ("playerId", "kindId")
) STRICT;
