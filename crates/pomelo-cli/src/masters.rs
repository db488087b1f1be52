//! What can be asked about the masters themselves: who leads and how well ([`status`]), and to lead no more ([`handover`]).

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use pomelo_cluster::{
    coordinator::MasterAddr,
    status::{CandidateStatus, Failover, LeaderStatus, Masters},
};
use pomelo_protocol::admin::MasterRole;
use serde_json::{Value, json};

use crate::{commands::CONSOLE, connect::Connection, style::Style, table};

/// A handover is over or given up after a second; masters that stand aside may take another each.
pub(crate) const HANDOVER_TIMEOUT: Duration = Duration::from_secs(10);

const CANDIDATES: [(&str, &str); 8] = [
    ("masterId", "id"),
    ("address", "addr"),
    ("pid", "pid"),
    ("role", "role"),
    ("ahead", "ahead"),
    ("lag", "lag"),
    ("coordinator", "coordinator"),
    ("guardian", "guardian"),
];

const FAILOVERS: [(&str, &str); 10] = [
    ("epoch", "epoch"),
    ("ago", "ago"),
    ("from", "from"),
    ("to", "to"),
    ("detect(ms)", "detect"),
    ("elect(ms)", "elect"),
    ("publish(ms)", "publish"),
    ("follow(ms)", "follow"),
    ("total(ms)", "total"),
    ("why", "why"),
];

/// `pomelo master status`: asks the active master, or where none leads every one that answers.
pub async fn status(connection: &Connection, json: bool) -> Result<()> {
    let masters = ask_status(connection).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&masters)?);
    } else {
        print!("{}", render(&masters, since_1970(), Style::for_stdout()));
    }
    Ok(())
}

async fn ask_status(connection: &Connection) -> Result<Masters> {
    let body = || json!({ "signal": "masters" });
    // Whoever asks how things are is answered how they are, and not made to wait until they are better.
    match connection.open_now().await {
        Ok(mut conversation) => read(conversation.ask(CONSOLE, body()).await?),
        Err(error) => match connection.open_any().await? {
            Some(client) => read(client.request(CONSOLE, body()).await?),
            None => Err(error),
        },
    }
}

/// Reads the answer to `{"signal":"masters"}`.
pub(crate) fn read(answer: Value) -> Result<Masters> {
    serde_json::from_value(answer)
        .context("the master's answer to `masters` is not understood; is it an older one?")
}

/// `pomelo master handover`: to whom it names, or whoever is next.
pub async fn handover(connection: &Connection, to: Option<&str>, json: bool) -> Result<()> {
    let answer = connection.open().await?.once(CONSOLE, handover_body(to), HANDOVER_TIMEOUT).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!("{}", handed_over(&answer));
    }
    Ok(())
}

/// What a master is asked; `to` is an id, `host:port` or a port.
pub(crate) fn handover_body(to: Option<&str>) -> Value {
    json!({ "signal": "handover", "to": to })
}

/// One line on how it went.
pub(crate) fn handed_over(answer: &Value) -> String {
    let place = |field: &str| addr(&answer[field]).unwrap_or_else(|| "the former leader".to_owned());
    let epoch = answer["epoch"].as_u64().unwrap_or_default();
    let pause = answer["pause_ms"].as_f64();
    let pause = pause.map(|ms| format!("; {ms:.1} ms without an active master")).unwrap_or_default();
    format!("{} handed over to {}: epoch {epoch}{pause}", place("from"), place("to"))
}

fn addr(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    serde_json::from_value::<MasterAddr>(value.clone()).ok().map(|addr| addr.to_string())
}

/// The document as a person reads it. `now` is the time since 1970.
pub fn render(masters: &Masters, now: Duration, style: Style) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = match &masters.leader {
        Some(leader) => writeln!(text, "{}", leads(leader, now, style)),
        None => writeln!(text, "{}", style.red("no master leads")),
    };
    let coordinators: Vec<&str> = masters.candidates.iter().map(|one| one.coordinator.as_str()).collect();
    if let Some(first) = coordinators.iter().find(|one| !one.is_empty()) {
        let _ = writeln!(text, "they meet in {first}");
    }
    text.push('\n');
    let rows: Vec<Value> = masters.candidates.iter().map(row).collect();
    text.push_str(&table::render(&CANDIDATES, &rows, style));
    if !masters.failovers.is_empty() {
        let _ = writeln!(text, "\nlast changes of the active master");
        let rows: Vec<Value> = masters.failovers.iter().map(|one| failover(one, now)).collect();
        text.push_str(&table::render(&FAILOVERS, &rows, style));
    }
    text.push('\n');
    let problems = problems(masters);
    if problems.is_empty() {
        let _ =
            writeln!(text, "{}", style.green("healthy: another master takes over when the active one dies"));
    }
    for problem in problems {
        let _ = writeln!(text, "{} {problem}", style.red("problem:"));
    }
    text
}

fn leads(leader: &LeaderStatus, now: Duration, style: Style) -> String {
    let LeaderStatus { id, addr, pid, epoch, since_ms, following, linked, servers, failsafe } = leader;
    let since = age(now, *since_ms).map(|age| format!(" for {age}")).unwrap_or_default();
    let name = style.bold(format!("{id} {addr}"));
    let failsafe = if *failsafe { ", without its coordinator (failsafe)" } else { "" };
    format!(
        "{name} (pid {pid}) leads in epoch {epoch}{since}{failsafe}; {following} of {linked} servers follow it, {servers} \
         are known"
    )
}

fn row(one: &CandidateStatus) -> Value {
    let guardian = one.guardian.as_ref().map(|guardian| match guardian.silence_ms {
        0 => format!("pid {}, waits for its end", guardian.pid),
        ms => format!("pid {}, kills after {ms} ms", guardian.pid),
    });
    let coordinator = one.trouble.clone().unwrap_or_else(|| if one.link { "ok" } else { "-" }.to_owned());
    let role = match (&one.role, one.link) {
        (Some(role), true) => role.clone(),
        (_, false) => "not linked".to_owned(),
        (None, true) => "unknown".to_owned(),
    };
    json!({
        "id": one.id, "addr": one.addr.to_string(), "pid": one.pid, "role": role, "ahead": one.ahead, "lag": one.lag,
        "coordinator": coordinator, "guardian": guardian,
    })
}

fn failover(one: &Failover, now: Duration) -> Value {
    let ms = |ms: f64| format!("{ms:.1}");
    json!({
        "epoch": one.epoch, "ago": age(now, one.at_ms), "from": one.from.as_ref().map(ToString::to_string),
        "to": one.to.to_string(), "detect": one.detect_ms.map(ms), "elect": ms(one.elect_ms),
        "publish": ms(one.publish_ms), "follow": ms(one.follow_ms), "total": ms(one.total_ms()), "why": one.why,
    })
}

/// What somebody should look after, each with what to do about it.
fn problems(masters: &Masters) -> Vec<String> {
    let mut problems = Vec::new();
    let is = |one: &CandidateStatus, role: MasterRole| one.link && one.role.as_deref() == Some(role.as_str());
    match &masters.leader {
        None => problems.push(
            "no master leads: servers go on without one, and nothing can be started or stopped meanwhile"
                .to_owned(),
        ),
        Some(leader) => {
            if !masters.candidates.iter().any(|one| is(one, MasterRole::Standby)) {
                problems.push(
                    "no standby is ready: the next death of the active master leaves none; `pomelo masterha` starts them"
                        .to_owned(),
                );
            }
            if leader.following < leader.linked {
                let missing = leader.linked - leader.following;
                problems.push(format!("{missing} linked servers do not follow the active master yet"));
            }
            if leader.linked < leader.servers {
                problems.push(format!(
                    "{} servers are known and not linked; `pomelo list` shows who is there",
                    leader.servers - leader.linked
                ));
            }
        }
    }
    for one in &masters.candidates {
        let who = &one.addr;
        if !one.link {
            let why = one.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            problems.push(format!("{who} is not linked{why}"));
            continue;
        }
        if let Some(trouble) = &one.trouble {
            problems.push(format!("{who} and its coordinator: {trouble}"));
        }
        if one.guardian.is_none() {
            problems.push(format!(
                "{who} has no guardian: its death is noticed later; `pomelo start` and `pomelo masterha` watch the masters they start"
            ));
        }
        if is(one, MasterRole::Standby) && one.lag != Some(0) {
            let lag = one.lag.map_or_else(
                || "does not know the membership".to_owned(),
                |lag| format!("is {lag} steps behind"),
            );
            problems.push(format!("{who} {lag}"));
        }
    }
    problems
}

/// `5 s`, `12 min`, `3 h`, `4 d`; nothing for a time that is not known or lies ahead, where clocks differ.
fn age(now: Duration, at_ms: u64) -> Option<String> {
    let seconds = now.checked_sub(Duration::from_millis(at_ms)).filter(|_| at_ms > 0)?.as_secs();
    Some(match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        6_000..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    })
}

pub(crate) fn since_1970() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// A place as it may be written after `--to`: an id, `host:port` or a port.
pub fn check_place(text: &str) -> Result<String> {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match text.rsplit_once(':') {
        Some((host, of_host)) => !host.is_empty() && port(of_host),
        None if digits => port(text),
        None => pomelo_protocol::ServerId::new(text).is_ok(),
    };
    if !fits {
        bail!("expected the id of a master, host:port or a port");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn document() -> Masters {
        let at_ms = 1_800_000_000_000_u64 - 125_000;
        read(json!({
            "leader": { "id": "master-server-1", "host": "127.0.0.1", "port": 3005, "pid": 10, "epoch": 3,
                "sinceMs": at_ms, "following": 5, "linked": 5, "servers": 5 },
            "candidates": [
                { "host": "127.0.0.1", "port": 3005, "id": "master-server-1", "pid": 10, "role": "active", "link": true,
                  "ahead": 0, "lag": 0, "coordinator": "zookeeper h:2181/pomelo/master",
                  "guardian": { "pid": 9, "silenceMs": 500, "coordinator": "connected" } },
                { "host": "127.0.0.1", "port": 3007, "id": "master-server-1", "pid": 12, "role": "standby", "link": true,
                  "ahead": 1, "lag": 0, "coordinator": "zookeeper h:2181/pomelo/master",
                  "guardian": { "pid": 11, "silenceMs": 0, "coordinator": "connected" } },
            ],
            "failovers": [{ "epoch": 3, "at_ms": at_ms, "from": { "host": "127.0.0.1", "port": 3006 },
                "to": { "host": "127.0.0.1", "port": 3005 }, "why": "its link broke", "detect_ms": 2.25, "elect_ms": 3.0,
                "publish_ms": 0.5, "follow_ms": 1.25, "followed": 5, "linked": 5 }],
        }))
        .unwrap()
    }

    #[test]
    fn a_healthy_cluster_is_shown_with_its_masters_and_their_last_changes() {
        let text = render(&document(), NOW, Style::plain());
        let expected = "\
master-server-1 127.0.0.1:3005 (pid 10) leads in epoch 3 for 2 min; 5 of 5 servers follow it, 5 are known
they meet in zookeeper h:2181/pomelo/master

masterId        address        pid role    ahead lag coordinator guardian
master-server-1 127.0.0.1:3005 10  active  0     0   ok          pid 9, kills after 500 ms
master-server-1 127.0.0.1:3007 12  standby 1     0   ok          pid 11, waits for its end

last changes of the active master
epoch ago   from           to             detect(ms) elect(ms) publish(ms) follow(ms) total(ms) why
3     2 min 127.0.0.1:3006 127.0.0.1:3005 2.2        3.0       0.5         1.2        7.0       its link broke

healthy: another master takes over when the active one dies
";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let mut masters = document();
        masters.candidates[1].link = false;
        masters.candidates[1].why = Some("Connection refused".into());
        masters.candidates[0].guardian = None;
        masters.leader.as_mut().unwrap().following = 3;
        let text = render(&masters, NOW, Style::plain());
        for problem in [
            "problem: no standby is ready: the next death of the active master leaves none; `pomelo masterha` starts them\n",
            "problem: 2 linked servers do not follow the active master yet\n",
            "problem: 127.0.0.1:3007 is not linked: Connection refused\n",
            "problem: 127.0.0.1:3005 has no guardian",
        ] {
            assert!(text.contains(problem), "{problem:?} is missing in\n{text}");
        }
        assert!(!text.contains("healthy"));
        let text = render(&Masters::default(), NOW, Style::plain());
        assert!(text.starts_with("no master leads\n"), "{text}");
    }

    #[test]
    fn a_handover_is_one_line() {
        let place = |port: u16| json!({ "host": "127.0.0.1", "port": port });
        let answer = json!({ "from": place(3005), "to": place(3007), "epoch": 4, "pause_ms": 8.25 });
        assert_eq!(
            handed_over(&answer),
            "127.0.0.1:3005 handed over to 127.0.0.1:3007: epoch 4; 8.2 ms without an active master"
        );
        for place in ["3007", "127.0.0.1:3007", "master-server-2", "[::1]:3007"] {
            assert_eq!(check_place(place).unwrap(), place);
        }
        for wrong in ["", "0", "70000", "host:", ":3005", "a b"] {
            assert!(check_place(wrong).is_err(), "{wrong:?}");
        }
    }
}
