//! What an area server is for, as its entry in `servers.json` says: one scene (`"area": 1`), or instances (`"instance": true`). In
//! configurations of the original's kind both may stand as text.

use pomelo::{ServerId, ServerInfo, Servers};
use serde_json::Value;

/// What an area server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// The one place of this area.
    Scene(u32),
    /// Any number of areas that come and go.
    Instances,
}

impl Duty {
    /// `None` for servers of other types, and for an area server whose entry says neither or both.
    pub(crate) fn of(server: &ServerInfo) -> Option<Self> {
        if server.server_type.as_str() != "area" {
            return None;
        }
        let area = server.extra.get("area").and_then(number);
        let is_for_instances = server.extra.get("instance").is_some_and(is_true);
        match (area, is_for_instances) {
            (Some(area), false) => Some(Self::Scene(area)),
            (None, true) => Some(Self::Instances),
            (None, false) | (Some(_), true) => None,
        }
    }
}

/// The server of a scene, if one is there.
pub(crate) fn scene(area: u32, servers: &Servers) -> Option<ServerId> {
    let mut servers = servers.iter();
    let server = servers.find(|server| Duty::of(server) == Some(Duty::Scene(area)));
    server.map(|server| server.id.clone())
}

/// The scene that `me` and `other` both have, if players go to `other`: the one whose id comes first, as in [`scene`].
pub(crate) fn scene_of_another(me: &ServerInfo, other: &ServerInfo) -> Option<u32> {
    match (Duty::of(me), Duty::of(other)) {
        (Some(Duty::Scene(mine)), Some(Duty::Scene(area))) if mine == area && other.id < me.id => Some(area),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64()?.try_into().ok(),
    }
}

fn is_true(value: &Value) -> bool {
    *value == true || *value == "true"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn server(id: &str, server_type: &str, extra: &Value) -> ServerInfo {
        let mut info = json!({ "id": id, "serverType": server_type, "host": "127.0.0.1" });
        info.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(info).unwrap()
    }

    fn duty(server_type: &str, extra: Value) -> Option<Duty> {
        Duty::of(&server("x-server-1", server_type, &extra))
    }

    #[test]
    fn of_two_servers_with_one_scene_the_second_learns_that_nobody_is_sent_to_it() {
        let [first, second] =
            ["area-server-1", "area-server-2"].map(|id| server(id, "area", &json!({ "area": 7 })));
        assert_eq!(scene_of_another(&second, &first), Some(7));
        assert_eq!(scene_of_another(&first, &second), None);
        assert_eq!(scene_of_another(&first, &first), None);
        let both = Servers::new([second.clone(), first.clone()].map(std::sync::Arc::new));
        assert_eq!(scene(7, &both), Some(first.id));
        let instances = json!({ "instance": true });
        for other in [
            server("area-server-1", "area", &json!({ "area": 8 })),
            server("area-server-1", "area", &instances),
        ] {
            assert_eq!(scene_of_another(&second, &other), None);
        }
        let for_instances = server("area-server-2", "area", &instances);
        assert_eq!(scene_of_another(&for_instances, &server("area-server-1", "area", &instances)), None);
    }

    #[test]
    fn an_area_server_has_one_duty_said_as_values_or_as_text() {
        assert_eq!(duty("area", json!({ "area": 2 })), Some(Duty::Scene(2)));
        assert_eq!(duty("area", json!({ "area": "2" })), Some(Duty::Scene(2)));
        assert_eq!(duty("area", json!({ "instance": true })), Some(Duty::Instances));
        assert_eq!(duty("area", json!({ "instance": "true" })), Some(Duty::Instances));
        for neither in [
            json!({}),
            json!({ "area": 2, "instance": true }),
            json!({ "area": "x" }),
            json!({ "instance": "no" }),
        ] {
            assert_eq!(duty("area", neither.clone()), None, "{neither}");
        }
        assert_eq!(duty("chat", json!({ "area": 2 })), None);
    }
}
