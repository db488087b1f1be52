//! Good files in every layout, and one test for each way in which a file can be wrong.

use std::fs;

use pomelo_protocol::{ServerId, ServerType};
use tempfile::TempDir;

use super::*;
use crate::coordinator::zookeeper::Credentials;

const MASTER_JSON: &str = r#"{
  "development": {"id": "master-server-1", "host": "127.0.0.1", "port": 3005},
  "production": {"id": "master-server-1", "host": "127.0.0.1", "port": 3005, "auto-restart": "true"}
}"#;

const SERVERS_JSON: &str = r#"{
  "development": {
    "chat": [{"id": "chat-server-1", "host": "127.0.0.1", "port": 6050}]
  },
  "production": {
    "connector": [
      {"id": "connector-server-1", "host": "127.0.0.1", "port": 4050, "clientHost": "10.0.0.1", "clientPort": 3050, "frontend": true},
      {"clusterCount": 2, "host": "127.0.0.1", "port": "4060++", "clientPort": "3060++", "frontend": "true", "wsPort": "80++"}
    ],
    "chat": [
      {"id": "chat-server-1", "host": "127.0.0.1", "port": 6050, "max-connections": 100, "args": " --debug=1"},
      {"clusterCount": "1", "host": "127.0.0.1", "port": "6060++"},
      {"clusterCount": 2, "host": "127.0.0.1", "port": "6070++"}
    ],
    "gate": [{"id": "gate-server-1", "host": "127.0.0.1", "clientPort": 3014, "frontend": true}]
  }
}"#;

const MASTERHA_JSON: &str = r#"{"masterha": [
    {"id": "master-server-1", "host": "127.0.0.1", "port": 3006},
    {"id": "master-server-1", "host": "127.0.0.1", "port": 3007}
]}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn good(more: &[(&str, &str)]) -> TempDir {
    let mut files = vec![(MASTER, MASTER_JSON), (SERVERS, SERVERS_JSON)];
    files.extend(more);
    folder(&files)
}

/// The message of the error that these files give, without the folder's name.
fn error(files: &[(&str, &str)], environment: &str) -> String {
    let dir = good(files);
    let error = Config::load(&dir).and_then(|config| config.environment(environment)).unwrap_err();
    error
        .to_string()
        .replace(&format!("{}/", dir.path().display()), "")
        .replace(&format!("{}", dir.path().display()), "DIR")
}

fn environment(files: &[(&str, &str)], name: &str) -> Environment {
    Config::load(good(files)).unwrap().environment(name).unwrap()
}

#[test]
fn sections_clusters_and_standbys_are_read_as_in_the_original() {
    let env = environment(&[(MASTERHA, MASTERHA_JSON), (DICTIONARY, r#"["onChat"]"#)], "production");
    assert_eq!(env.master.addr().to_string(), "127.0.0.1:3005");
    assert!(env.master.auto_restart);
    assert_eq!(env.candidates.iter().map(|m| m.port).collect::<Vec<_>>(), [3005, 3006, 3007]);
    assert_eq!(env.coordinator, CoordinatorConfig::Embedded);
    assert_eq!(env.dictionary, ["onChat"]);

    let lines: Vec<_> = env
        .servers
        .iter()
        .map(|s| format!("{} {} {:?} {:?} {}", s.id, s.server_type, s.port, s.client_port, s.frontend))
        .collect();
    assert_eq!(
        lines,
        [
            "connector-server-1 connector Some(4050) Some(3050) true",
            "cluster-server-connector-0 connector Some(4060) Some(3060) true",
            "cluster-server-connector-1 connector Some(4061) Some(3061) true",
            "chat-server-1 chat Some(6050) None false",
            "cluster-server-chat-0 chat Some(6060) None false",
            "cluster-server-chat-1 chat Some(6070) None false",
            "cluster-server-chat-2 chat Some(6071) None false",
            "gate-server-1 gate None Some(3014) true",
        ]
    );
    assert_eq!(env.servers[2].extra["wsPort"], 81);
    assert_eq!(env.servers[0].client_host.as_deref(), Some("10.0.0.1"));
    let options = env.options_of(&ServerId::new("chat-server-1").unwrap());
    assert_eq!((options.max_connections, options.args.as_deref()), (Some(100), Some(" --debug=1")));
    assert_eq!(env.types().iter().map(|t| t.as_str()).collect::<Vec<_>>(), ["chat", "connector", "gate"]);
}

#[test]
fn an_environment_may_have_a_folder_of_its_own() {
    let dir = folder(&[
        ("staging/master.json", r#"{"id": "m", "host": "h", "port": 1}"#),
        ("staging/servers.json", r#"{"chat": [{"id": "c", "host": "h", "port": 2}]}"#),
        ("staging/adminUser.json", r#"[{"id": "1", "username": "u", "password": "p", "level": 1}]"#),
        ("masterha.json", r#"{"staging": {"masterha": [{"id": "m", "host": "h", "port": 3}]}}"#),
    ]);
    let env = Config::load(&dir).unwrap().environment("staging").unwrap();
    assert_eq!((env.candidates.len(), env.servers.len(), env.admin_users.len()), (2, 1, 1));
}

#[test]
fn definitions_of_messages_serve_every_environment_or_stand_in_its_folder() {
    let client = r#"{"chat.chatHandler.send": {"required string content": 1}}"#;
    let server = r#"{"onChat": {"required string msg": 1}}"#;
    let env = environment(&[(CLIENT_PROTOS, client), ("production/serverProtos.json", server)], "production");
    assert!(env.protos.client().has("chat.chatHandler.send") && env.protos.server().has("onChat"));
    assert!(environment(&[], "production").protos.server().is_empty());
    assert_eq!(
        error(&[(SERVER_PROTOS, r#"{"onChat": {"required text msg": 1}}"#)], "production"),
        "serverProtos.json: \"onChat\".\"msg\": unknown type \"text\": expected uInt32, sInt32, int32, float, double, \
         string, or a message that is defined in the same message or in the file's outermost object"
    );
}

#[test]
fn files_without_sections_serve_any_environment() {
    let dir = folder(&[
        ("master.json", r#"{"id": "m", "host": "h", "port": 1}"#),
        ("servers.json", r#"{"chat": [{"id": "c", "host": "h"}]}"#),
    ]);
    let config = Config::load(&dir).unwrap();
    assert!(config.environments().unwrap().is_empty());
    assert_eq!(config.environment("whatever").unwrap().servers.len(), 1);
}

#[test]
fn zookeeper_is_chosen_beside_the_list_of_standbys() {
    let text = r#"{"masterha": [], "zookeeper": {"server": "127.0.0.1:2181"}}"#;
    let expected = CoordinatorConfig::ZooKeeper {
        server: "127.0.0.1:2181".to_owned(),
        path: "/pomelo/master".to_owned(),
        session_timeout_ms: 2_000,
        credentials: None,
    };
    assert_eq!(environment(&[(MASTERHA, text)], "development").coordinator, expected);
}

#[test]
fn zookeeper_takes_a_user_with_a_password_that_is_never_shown() {
    let file = |user: &str| format!(r#"{{"zookeeper": {{"server": "h:1", {user}}}}}"#);
    let text = file(r#""user": "game", "password": "sesame""#);
    let coordinator = environment(&[(MASTERHA, &text)], "production").coordinator;
    let expected = Some(Credentials::new("game", "sesame"));
    let CoordinatorConfig::ZooKeeper { credentials, .. } = &coordinator else { panic!("{coordinator:?}") };
    assert_eq!(*credentials, expected);
    assert!(!format!("{coordinator:?}").contains("sesame"));

    let known = file(r#""user": "pomelo", "password": "pomelo""#);
    let refused = error(&[(MASTERHA, &known)], "production");
    assert!(refused.contains("masterha.json: zookeeper.password: "), "{refused}");
    assert!(refused.contains("known to everybody and refused in environment \"production\""), "{refused}");
    environment(&[(MASTERHA, &known)], "development");
    let half = error(&[(MASTERHA, &file(r#""user": "game""#))], "development");
    assert!(half.contains("zookeeper: user and password belong together"), "{half}");
}

#[cfg(feature = "etcd")]
#[test]
fn etcd_is_chosen_beside_the_list_of_standbys() {
    let text = r#"{"masterha": [], "etcd": {"endpoints": "http://127.0.0.1:2379, http://[::1]:2379/"}}"#;
    let expected = CoordinatorConfig::Etcd {
        endpoints: "http://127.0.0.1:2379, http://[::1]:2379/".to_owned(),
        prefix: "/pomelo/master".to_owned(),
        lease_seconds: 2,
    };
    assert_eq!(environment(&[(MASTERHA, text)], "development").coordinator, expected);
    let text = r#"{"etcd": {"endpoints": "http://h:1", "prefix": "/game", "leaseSeconds": 7}}"#;
    let expected = CoordinatorConfig::Etcd {
        endpoints: "http://h:1".to_owned(),
        prefix: "/game".to_owned(),
        lease_seconds: 7,
    };
    assert_eq!(environment(&[(MASTERHA, text)], "development").coordinator, expected);
}

#[test]
fn etcd_without_the_feature_says_how_to_build_with_it() {
    let text = r#"{"etcd": {"endpoints": "http://127.0.0.1:2379"}}"#.to_owned();
    let document = Document::parse(Path::new("masterha.json"), text).unwrap();
    let file = document.root().read().unwrap();
    assert_eq!(environment::check_etcd(&document.root(), &file, true), Ok(()));
    let error = environment::check_etcd(&document.root(), &file, false).unwrap_err().to_string();
    assert!(error.contains("masterha.json: etcd: this program was built without etcd"), "{error}");
    assert!(error.contains("--features etcd"), "{error}");
}

#[test]
fn etcd_that_can_not_work_is_refused_with_its_place() {
    for (etcd, expected) in [
        (r#"{"endpoints": "127.0.0.1:2379"}"#, "etcd.endpoints: expected \"http://host:port\""),
        (r#"{"endpoints": "https://h:1"}"#, "TLS is not built in"),
        (r#"{"endpoints": "http://h:1,"}"#, "etcd.endpoints: expected"),
        (r#"{}"#, "missing field `endpoints`"),
        (r#"{"endpoints": "http://h:1", "prefix": "x"}"#, "etcd.prefix: expected a prefix of keys"),
        (
            r#"{"endpoints": "http://h:1", "leaseSeconds": 0}"#,
            "etcd.leaseSeconds: expected a lease of 1 to 600",
        ),
        (r#"{"endpoints": "http://h:1", "lease": 2}"#, "unknown field `lease`, expected one of"),
    ] {
        let error = error(&[(MASTERHA, &format!(r#"{{"etcd": {etcd}}}"#))], "development");
        assert!(error.contains(expected), "{etcd}: {error}");
    }
    let both = r#"{"zookeeper": {"server": "h:1"}, "etcd": {"endpoints": "http://h:1"}}"#;
    let error = error(&[(MASTERHA, both)], "development");
    assert!(
        error.contains("masterha.json: etcd: masters meet in ZooKeeper or in etcd, not in both"),
        "{error}"
    );
}

#[test]
fn standbys_can_come_from_a_file_that_is_named() {
    let dir = good(&[("other.json", MASTERHA_JSON)]);
    let config = Config::load(&dir).unwrap();
    let config = config.with_masterha(dir.path().join("other.json")).unwrap();
    assert_eq!(config.environment("production").unwrap().candidates.len(), 3);
    let missing = Config::load(&dir).unwrap().with_masterha(dir.path().join("none.json")).unwrap_err();
    assert!(missing.to_string().contains("none.json: file not found"), "{missing}");
}

#[test]
fn tokens_are_checked_by_type_and_free_without_the_file() {
    let chat = ServerType::new("chat").unwrap();
    let gate = ServerType::new("gate").unwrap();
    let tokens =
        environment(&[(ADMIN_SERVER, r#"[{"type": "chat", "token": "t"}]"#)], "development").server_tokens;
    assert_eq!((tokens.token_for(&chat), tokens.token_for(&gate)), (Some("t"), None));
    assert!(tokens.accepts("chat", Some("t")));
    assert!(
        !tokens.accepts("chat", Some("x"))
            && !tokens.accepts("gate", Some("t"))
            && !tokens.accepts("chat", None)
    );
    let free = environment(&[], "development").server_tokens;
    assert!(free.accepts("chat", None));
    assert_eq!(free.token_for(&gate), Some(ServerTokens::DEFAULT));
}

#[test]
fn a_syntax_error_names_file_line_and_column() {
    let text = "{\n  \"development\": {\"chat\": [}\n}";
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json:2:28: not valid JSON: expected a value"
    );
    assert_eq!(error(&[(MASTER, "")], "development"), "master.json:1:1: not valid JSON: the file is empty");
    let cut = "[{\"id\": 1}";
    assert_eq!(
        error(&[(ADMIN_USER, cut)], "development"),
        "adminUser.json:1:10: not valid JSON: expected the rest of a list, found the end of the file"
    );
    let comment = "{\n  // the master\n  \"id\": 1}";
    assert_eq!(
        error(&[(MASTER, comment)], "development"),
        "master.json:2:3: not valid JSON: expected a key in double quotes"
    );
}

#[test]
fn every_file_is_checked_for_syntax_whatever_the_environment() {
    for file in FILES {
        let dir = good(&[(file, "{")]);
        let message = Config::load(&dir).unwrap_err().to_string();
        assert!(message.contains(&format!("{file}:1:1: not valid JSON")), "{message}");
    }
}

#[test]
fn a_wrong_type_names_place_path_found_and_expected() {
    let text = "{\"development\": {\n  \"chat\": [\n    {\"id\": \"c\", \"host\": \"h\", \"port\": \"many\"}\n  ]\n}}";
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json:3:44: development.chat[0].port: expected a port: a number up to 65535 (0 is any free port), \
         or \"<number>++\" with clusterCount, found \"many\""
    );
    let text = r#"{"development": {"id": "m", "host": "h", "port": 70000}}"#;
    assert_eq!(
        error(&[(MASTER, text)], "development"),
        "master.json:1:55: development.port: expected a port, 1 to 65535, found 70000"
    );
    let text = r#"{"development": {"id": "m", "port": 1}}"#;
    assert_eq!(
        error(&[(MASTER, text)], "development"),
        "master.json:1:38: development: missing field `host`"
    );
    let text = r#"{"development": {"id": "m", "host": ["h"], "port": 1}}"#;
    assert_eq!(
        error(&[(MASTER, text)], "development"),
        "master.json:1:41: development.host: expected a host name or an address, found [\"h\"]"
    );
    let text = r#"{"development": {"chat": {"id": "c"}}}"#;
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json:1:26: development.chat: expected a list, found an object"
    );
    let text = r#"{"development": {"chat": ["c"]}}"#;
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json:1:29: development.chat[0]: expected a server: an object with id, host and ports, found string \"c\""
    );
    let text = r#"{"development": 7}"#;
    assert_eq!(
        error(&[(MASTER, text)], "development"),
        "master.json:1:17: development: expected a master: an object with id, host and port, found integer `7`"
    );
    let text = r#"[{"id": "1", "username": "u", "password": "p", "level": "high"}]"#;
    assert_eq!(
        error(&[(ADMIN_USER, text)], "development"),
        "adminUser.json:1:62: [0].level: expected a number, 0 to 255, found string \"high\""
    );
    let text = r#"["onChat", 5]"#;
    assert_eq!(
        error(&[(DICTIONARY, text)], "development"),
        "dictionary.json:1:12: [1]: expected a string, found integer `5`"
    );
    let text = r#"{"development": {"chat": [{"id": "a b", "host": "h"}]}}"#;
    assert!(
        error(&[(SERVERS, text)], "development").contains("development.chat[0].id: invalid name \"a b\"")
    );
    let text = r#"{"zookeeper": {"server": "h:1", "pfad": "/x"}}"#;
    assert!(
        error(&[(MASTERHA, text)], "development")
            .contains("zookeeper.pfad: unknown field `pfad`, expected one of")
    );
    let text = r#"{"development": {"chat": [{"id": "c", "host": "h", "auto-restart": "yes"}]}}"#;
    assert!(
        error(&[(SERVERS, text)], "development")
            .contains("auto-restart: expected true or false, found \"yes\"")
    );
}

#[test]
fn a_guardian_waits_half_a_second_unless_something_else_is_said() {
    let silence = |text: &str| environment(&[(MASTERHA, text)], "development").guardian.silence_ms;
    assert_eq!(environment(&[], "development").guardian.silence_ms, 500);
    assert_eq!(silence("[]"), 500);
    assert_eq!(silence(r#"{"guardian": {}}"#), 500);
    assert_eq!(silence(r#"{"guardian": {"silenceMs": 0}}"#), 0);
    assert_eq!(silence(r#"{"masterha": [], "guardian": {"silenceMs": 2000}}"#), 2000);
    for wrong in ["10", "60001", "-1", "true", "\"1 s\""] {
        let text = format!(r#"{{"guardian": {{"silenceMs": {wrong}}}}}"#);
        let message = error(&[(MASTERHA, &text)], "development");
        let expected = format!("expected a time in ms, 100 to 60000, or 0 for never, found {wrong}");
        assert!(message.contains("guardian.silenceMs: ") && message.ends_with(&expected), "{message}");
    }
    let message = error(&[(MASTERHA, r#"{"guardian": {"silence": 5}}"#)], "development");
    assert!(message.contains("guardian.silence: unknown field `silence`, expected `silenceMs`"), "{message}");
}

#[test]
fn two_servers_with_one_id_are_refused() {
    let text = r#"{"development": {
        "chat": [{"id": "one", "host": "h", "port": 1}], "gate": [{"id": "one", "host": "h", "port": 2}]}}"#;
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json: development.gate[0].id: the id \"one\" is used twice, also by development.chat[0]"
    );
    let text = r#"{"development": {"chat": [{"id": "master-server-1", "host": "h", "port": 1}]}}"#;
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json: development.chat[0].id: the id \"master-server-1\" is used twice, also by a master"
    );
}

#[test]
fn one_port_for_two_is_refused_whoever_they_are() {
    let text = r#"{"development": {
        "chat": [{"id": "a", "host": "localhost", "port": 4050}],
        "connector": [{"id": "b", "host": "127.0.0.1", "port": 1, "clientPort": 4050, "frontend": true}]}}"#;
    assert_eq!(
        error(&[(SERVERS, text)], "development"),
        "servers.json: development.connector[0].clientPort: port 4050 on 127.0.0.1 is used twice: by a (port) and by \
         b (clientPort)"
    );
    let text = r#"{"development": {"chat": [{"id": "a", "host": "127.0.0.1", "port": 3005}]}}"#;
    assert!(
        error(&[(SERVERS, text)], "development")
            .contains("is used twice: by master-server-1 (master) and by a")
    );
    let text = r#"{"masterha": [{"id": "m", "host": "127.0.0.1", "port": 3005}]}"#;
    assert_eq!(
        error(&[(MASTERHA, text)], "development"),
        "masterha.json: masterha[0].port: port 3005 on 127.0.0.1 is used twice: by master-server-1 (master) and by m \
         (standby)"
    );
    let free = r#"{"development": {"chat": [
        {"id": "a", "host": "h", "port": 0}, {"id": "b", "host": "h", "port": 0}, {"id": "c", "host": "i", "port": 3005}]}}"#;
    assert_eq!(environment(&[(SERVERS, free)], "development").servers.len(), 3);
}

#[test]
fn entries_that_make_no_sense_are_refused() {
    let one = |entry: &str| {
        let text = format!(r#"{{"development": {{"chat": [{entry}]}}}}"#);
        error(&[(SERVERS, &text)], "development")
    };
    assert_eq!(
        one(r#"{"host": "h"}"#),
        "servers.json: development.chat[0]: missing field `id` (or `clusterCount`)"
    );
    assert!(one(r#"{"id": "c", "host": "h", "port": "1++"}"#).contains("needs a clusterCount"));
    assert!(
        one(r#"{"clusterCount": 0, "host": "h"}"#)
            .contains("expected a number of servers, 1 to 1000, found 0")
    );
    assert!(
        one(r#"{"clusterCount": 2, "host": "h", "port": "65535++"}"#)
            .contains("65535 + 1 is higher than 65535")
    );
    assert!(
        one(r#"{"clusterCount": 2, "host": "h", "port": 5000}"#).contains("port 5000 on h is used twice")
    );
    assert!(one(r#"{"id": "c", "host": "h", "frontend": true}"#).contains("a frontend needs a clientPort"));
    assert!(one(r#"{"id": "c", "host": "h", "serverType": "gate"}"#).contains("stands under \"chat\""));
    let text = r#"{"development": {"master": []}}"#;
    assert!(error(&[(SERVERS, text)], "development").contains("masters belong into master.json"));
    let text = r#"{"development": {"chat": [], "chat": []}}"#;
    assert!(error(&[(SERVERS, text)], "development").contains("development: \"chat\" is there twice"));
    let users = r#"[{"id": "1", "username": "u", "password": "p", "level": 1},
        {"id": "2", "username": "u", "password": "q", "level": 2}]"#;
    assert!(
        error(&[(ADMIN_USER, users)], "development")
            .contains("[1].username: the user name \"u\" is there twice")
    );
}

#[test]
fn an_unknown_environment_is_answered_with_the_known_ones() {
    assert_eq!(
        error(&[], "produktion"),
        "unknown environment \"produktion\" in DIR; known: development, production"
    );
    let text = r#"{"development": {"id": "m", "host": "h", "port": 1}}"#;
    assert_eq!(
        error(&[(MASTER, text)], "production"),
        "master.json: no section \"production\"; it has: development"
    );
    let text = r#"{"production": [{"type": "chat", "token": "t"}]}"#;
    assert_eq!(
        error(&[(ADMIN_SERVER, text)], "development"),
        "adminServer.json: no section \"development\"; it has: production"
    );
}

#[test]
fn the_secret_of_servers_is_for_one_environment_or_all_and_never_shown() {
    let secret = |env: &Environment| env.rpc_secret.as_ref().map(|secret| secret.text().to_owned());
    assert_eq!(secret(&environment(&[], "production")), None);
    let whole = r#"{"secret": "0123456789abcdef"}"#;
    let env = environment(&[(RPC, whole)], "production");
    assert_eq!(secret(&env).unwrap(), "0123456789abcdef");
    assert!(!format!("{env:?}").contains("0123456789abcdef"));
    let sections = r#"{"production": {"secret": "0123456789abcdef"}}"#;
    assert_eq!(
        error(&[(RPC, sections)], "development"),
        "rpc.json: no section \"development\"; it has: production"
    );
    let short = error(&[(RPC, r#"{"secret": "hunter2"}"#)], "development");
    assert!(short.contains("expected a text of 16 bytes or more") && !short.contains("hunter2"), "{short}");
}

#[test]
fn an_unknown_type_or_server_is_answered_with_the_known_ones() {
    let env = environment(&[], "development");
    let unknown = env.servers_of(&ServerType::new("area").unwrap()).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "unknown server type \"area\"; servers.json has for \"development\": chat"
    );
    let unknown = env.server(&ServerId::new("chat-server-2").unwrap()).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "unknown server \"chat-server-2\"; servers.json has for \"development\": chat-server-1"
    );
}

#[test]
fn a_folder_without_configuration_says_what_was_expected() {
    let empty = folder(&[]);
    let message = Config::load(&empty).unwrap_err().to_string();
    assert!(message.ends_with("expected master.json and servers.json"), "{message}");
    let above = folder(&[("config/master.json", MASTER_JSON)]);
    let message = Config::load(&above).unwrap_err().to_string();
    assert!(message.contains("one folder further down"), "{message}");
    let gone = Config::load(empty.path().join("none")).unwrap_err().to_string();
    assert!(gone.contains("none: No such file or directory"), "{gone}");
    let dir = folder(&[("master.json", MASTER_JSON)]);
    let message = Config::load(&dir).unwrap().environment("production").unwrap_err().to_string();
    assert!(message.contains("servers.json: file not found; expected it there or as"), "{message}");
}

#[test]
fn a_byte_order_mark_is_not_an_error() {
    let text = format!("\u{feff}{MASTER_JSON}");
    assert_eq!(environment(&[(MASTER, &text)], "development").master.port, 3005);
}
