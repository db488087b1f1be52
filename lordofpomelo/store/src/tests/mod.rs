//! The databases as their users see them. What holds for both kinds is in `both`, and runs on both.

mod both;
#[cfg(feature = "mysql")]
mod mysql;
mod sqlite;

use std::path::{Path, PathBuf};

use lordofpomelo_world::{Point, data::Tables, hero::Hero, ids::PlayerId};
#[cfg(feature = "mysql")]
use pomelo_testkit::mariadb::MariaDb;
use tempfile::TempDir;

#[cfg(feature = "mysql")]
use crate::MysqlConfig;
use crate::{Config, Player, Store};

/// Makes each of the tests one for SQLite and one for MySQL: they get a database in which nothing is.
macro_rules! on_both {
    ($(async fn $name:ident($database:ident) $test:block)*) => {
        $(async fn $name($database: &$crate::tests::Fresh) $test)*

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::tests::Fresh::file()).await;
            })*
        }

        #[cfg(feature = "mysql")]
        mod on_mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(server) = pomelo_testkit::mariadb::MariaDb::for_test().await {
                    super::$name(&$crate::tests::Fresh::Server(server)).await;
                }
            })*
        }
    };
}
use on_both;

/// A new database.
enum Fresh {
    File(TempDir),
    #[cfg(feature = "mysql")]
    Server(MariaDb),
}

impl Fresh {
    fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> Config {
        match self {
            Self::File(dir) => Config::Sqlite(file_in(dir)),
            #[cfg(feature = "mysql")]
            Self::Server(server) => Config::Mysql(MysqlConfig { url: server.url(), password: None }),
        }
    }

    fn open(&self) -> Store {
        Store::connect(&self.config()).unwrap()
    }

    /// Makes it one of a game from before names were compared by keys.
    fn age(&self) {
        self.change(r#"DROP TABLE "HeroName""#);
        self.change(match self {
            Self::File(_) => "PRAGMA user_version = 1",
            #[cfg(feature = "mysql")]
            Self::Server(_) => r#"DELETE FROM "Version" WHERE "version" = 2"#,
        });
    }

    /// Changes the database behind the back of its users.
    fn change(&self, statement: &str) {
        match self {
            Self::File(dir) => {
                rusqlite::Connection::open(file_in(dir)).unwrap().execute(statement, []).unwrap();
            }
            #[cfg(feature = "mysql")]
            Self::Server(server) => {
                server.sql(&format!("SET SESSION sql_mode = 'ANSI_QUOTES'; {statement}")).unwrap();
            }
        }
    }
}

fn file_in(dir: &TempDir) -> PathBuf {
    dir.path().join("game.db")
}

fn hero(name: &str) -> Hero {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config/data");
    let tables = Tables::load(&config).unwrap();
    Hero::new(&tables, PlayerId(0), name, 210, Point::new(400.0, 150.0)).unwrap()
}

async fn with_player(database: &Fresh) -> (Store, Player) {
    let store = database.open();
    let user = store.register("ann", "hash").await.unwrap();
    let player = store.create_player(user, hero("Annie")).await.unwrap();
    (store, player)
}
