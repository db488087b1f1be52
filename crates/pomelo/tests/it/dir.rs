//! A configuration in a folder of its own, for one test.

use std::{fs, net::TcpListener};

use pomelo::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A game's folder; gone when dropped.
pub(crate) struct Dir {
    dir: TempDir,
    /// Ports of the master and of one standby, free a moment ago.
    pub(crate) masters: [u16; 2],
}

impl Dir {
    /// With these servers in environment `development`.
    pub(crate) fn new(servers: Value) -> Self {
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("config");
        fs::create_dir(&config).unwrap();
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let masters = free.map(|listener| listener.local_addr().unwrap().port());
        let master = |port: u16| json!({ "id": "master-server-1", "host": "127.0.0.1", "port": port });
        let write = |name: &str, value: Value| fs::write(config.join(name), value.to_string()).unwrap();
        write("servers.json", json!({ "development": servers }));
        write("master.json", json!({ "development": master(masters[0]) }));
        write("masterha.json", json!({ "masterha": [master(masters[1])] }));
        write("adminUser.json", json!([{ "id": "1", "username": "admin", "password": "admin", "level": 1 }]));
        write("dictionary.json", json!(["onChat"]));
        Self { dir, masters }
    }

    /// One more file of the configuration.
    pub(crate) fn add(&self, name: &str, json: &Value) {
        fs::write(self.dir.path().join("config").join(name), json.to_string()).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        Config::load(self.dir.path().join("config")).unwrap()
    }
}
