//! Many players at once: scenario 18, small. `LORDOFPOMELO_ROBOTS=200 LORDOFPOMELO_SECONDS=120` in the environment is the whole of it.

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::command::program;
use serde_json::Value;
use tests::realm::{ENVIRONMENT, Realm};
use tokio::process::Command;

/// The longest that the slowest of a hundred ticks may take, in milliseconds.
const TICK_MS_MAX: f64 = 50.0;

fn setting(name: &str, usual: u32) -> Result<u32> {
    #[expect(clippy::disallowed_methods, reason = "how much a machine is asked is said by who runs the test")]
    let set = std::env::var(name);
    set.map_or(Ok(usual), |text| text.parse().with_context(|| name.to_owned()))
}

#[tokio::test]
async fn many_play_at_once_without_a_fault() -> Result<()> {
    let (robots, seconds) = (setting("LORDOFPOMELO_ROBOTS", 60)?, setting("LORDOFPOMELO_SECONDS", 20)?);
    let realm = Realm::start(|_| Ok(())).await?;
    let dir = realm.cluster.game.path();
    let mut command = Command::new(program("lordofpomelo-robot")?);
    command.arg("--game").arg(dir).args(["-e", ENVIRONMENT, "-b", "mixed", "--json", "--ramp", "5"]);
    command.args(["-n", &robots.to_string(), "--duration", &seconds.to_string()]).kill_on_drop(true);
    let out = command.output().await?;
    let report: Value = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("no report: {}", String::from_utf8_lossy(&out.stderr)))?;
    ensure!(report["came"] == robots && report["failed"] == 0, "{report}");
    without_fault(&report)?;
    let count = |list: &str, name: &str, field: &str| {
        let one = report[list].as_array().into_iter().flatten().find(|one| one["name"] == name);
        one.and_then(|one| one[field].as_u64()).unwrap_or_default()
    };
    ensure!(
        count("requests", "area.playerHandler.move", "answered") > u64::from(robots),
        "they do not walk: {report}"
    );
    ensure!(count("pushes", "onMove", "taken") > u64::from(robots), "nobody is seen: {report}");
    ensure!(count("requests", "area.fightHandler.attack", "answered") > 0, "nobody fights: {report}");
    // Areas say once a minute how long their ticks took.
    for line in realm.cluster.game.read("logs/area-server-1.log").lines().filter(|line| line.contains("p99"))
    {
        let p99 =
            line.split("p99 ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        ensure!(p99.context("no figure")? < TICK_MS_MAX, "{line}");
    }
    Ok(())
}

/// A server that has no processor for a while sheds requests with code 503, and whoever was refused one may then believe to be elsewhere
/// than it is: of these some are no fault of the game. Anything else is.
fn without_fault(report: &Value) -> Result<()> {
    let times = |one: &Value| one["times"].as_u64().unwrap_or_default();
    let all = || report["failures"].as_array().into_iter().flatten();
    let shed: u64 = all().filter(|one| one["kind"] == "code 503").map(times).sum();
    let is_lost = |one: &Value| {
        one["what"] == "area.playerHandler.move" && one["kind"] == "code 500" && times(one) <= shed
    };
    let faults: Vec<_> = all().filter(|one| one["kind"] != "code 503" && !is_lost(one)).collect();
    ensure!(faults.is_empty(), "{faults:?}");
    let answered: u64 =
        report["requests"].as_array().into_iter().flatten().filter_map(|one| one["answered"].as_u64()).sum();
    ensure!(shed * 20 <= answered, "{shed} requests were shed, {answered} answered");
    Ok(())
}
