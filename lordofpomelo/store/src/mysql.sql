-- Version 1, MySQL and MariaDB: see sqlite.sql. Texts are as long as in the original's database, but for hashes of passwords. What a
-- column alone says of another table MySQL reads and forgets, so that stands at the end of each table.

CREATE TABLE IF NOT EXISTS "User" (
    "id" INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    "name" VARCHAR(50) NOT NULL UNIQUE,
    "password" VARCHAR(255) NOT NULL DEFAULT '',
    "loginCount" INT UNSIGNED NOT NULL DEFAULT 0,
    "from" VARCHAR(25) NOT NULL DEFAULT '',
    "lastLoginTime" BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE = InnoDB, COLLATE = {collation};
CREATE TABLE IF NOT EXISTS "Player" (
    "id" INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    "userId" INT UNSIGNED NOT NULL UNIQUE,
    "kindId" INT UNSIGNED NOT NULL,
    "name" VARCHAR(50) NOT NULL UNIQUE,
    "country" INT UNSIGNED NOT NULL DEFAULT 1,
    "rank" INT UNSIGNED NOT NULL DEFAULT 1,
    "level" INT UNSIGNED NOT NULL DEFAULT 1,
    "experience" BIGINT UNSIGNED NOT NULL DEFAULT 0,
    "attackValue" INT UNSIGNED NOT NULL,
    "defenceValue" INT UNSIGNED NOT NULL,
    "hitRate" INT UNSIGNED NOT NULL,
    "dodgeRate" INT UNSIGNED NOT NULL,
    "walkSpeed" INT UNSIGNED NOT NULL,
    "attackSpeed" DOUBLE NOT NULL,
    "hp" INT UNSIGNED NOT NULL,
    "mp" INT UNSIGNED NOT NULL,
    "maxHp" INT UNSIGNED NOT NULL,
    "maxMp" INT UNSIGNED NOT NULL,
    "areaId" INT UNSIGNED NOT NULL DEFAULT 1,
    "x" INT NOT NULL,
    "y" INT NOT NULL,
    "skillPoint" INT UNSIGNED NOT NULL DEFAULT 1,
    "term" INT UNSIGNED NOT NULL DEFAULT 0,
    FOREIGN KEY ("userId") REFERENCES "User" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
CREATE TABLE IF NOT EXISTS "Bag" (
    "playerId" INT UNSIGNED PRIMARY KEY,
    "items" VARCHAR(5000) NOT NULL DEFAULT '{}',
    "itemCount" INT UNSIGNED NOT NULL DEFAULT 20,
    FOREIGN KEY ("playerId") REFERENCES "Player" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
CREATE TABLE IF NOT EXISTS "Equipments" (
    "playerId" INT UNSIGNED PRIMARY KEY,
    "weapon" INT UNSIGNED NOT NULL DEFAULT 0,
    "armor" INT UNSIGNED NOT NULL DEFAULT 0,
    "helmet" INT UNSIGNED NOT NULL DEFAULT 0,
    "necklace" INT UNSIGNED NOT NULL DEFAULT 0,
    "ring" INT UNSIGNED NOT NULL DEFAULT 0,
    "belt" INT UNSIGNED NOT NULL DEFAULT 0,
    "shoes" INT UNSIGNED NOT NULL DEFAULT 0,
    "legguard" INT UNSIGNED NOT NULL DEFAULT 0,
    "amulet" INT UNSIGNED NOT NULL DEFAULT 0,
    FOREIGN KEY ("playerId") REFERENCES "Player" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
CREATE TABLE IF NOT EXISTS "FightSkill" (
    "id" INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    "playerId" INT UNSIGNED NOT NULL,
    "skillId" INT UNSIGNED NOT NULL,
    "level" INT UNSIGNED NOT NULL,
    "type" VARCHAR(20) NOT NULL DEFAULT 'attack',
    UNIQUE ("playerId", "skillId"),
    FOREIGN KEY ("playerId") REFERENCES "Player" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
CREATE TABLE IF NOT EXISTS "Task" (
    "id" INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
    "playerId" INT UNSIGNED NOT NULL,
    "kindId" INT UNSIGNED NOT NULL,
    "taskState" INT UNSIGNED NOT NULL DEFAULT 0,
    "startTime" BIGINT UNSIGNED NOT NULL DEFAULT 0,
    "taskData" VARCHAR(1000) NOT NULL DEFAULT '{}',
    UNIQUE ("playerId", "kindId"),
    FOREIGN KEY ("playerId") REFERENCES "Player" ("id")
) ENGINE = InnoDB, COLLATE = {collation};
