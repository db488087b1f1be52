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

/// Some refusals are no fault of the game: a server that has no processor for a while sheds requests with code 503, and who has just been
/// killed, or has walked on while a request was under way, is refused a blow or a step with 500. Of each a few may be; anything else is
/// a fault.
fn without_fault(report: &Value) -> Result<()> {
    let failures: Vec<_> = report["failures"].as_array().into_iter().flatten().collect();
    let times = |is_it: &dyn Fn(&Value) -> bool| -> u64 {
        let of_it = failures.iter().filter(|one| is_it(one));
        of_it.map(|one| one["times"].as_u64().unwrap_or_default()).sum()
    };
    let is_shed = |one: &Value| one["kind"] == "code 503";
    let acts = ["area.playerHandler.move", "area.fightHandler.attack", "area.playerHandler.pickItem"];
    let is_late = |one: &Value| {
        one["kind"] == "code 500" && one["what"].as_str().is_some_and(|what| acts.contains(&what))
    };
    let faults: Vec<_> = failures.iter().filter(|one| !is_shed(one) && !is_late(one)).collect();
    ensure!(faults.is_empty(), "{faults:?}");
    let requests = report["requests"].as_array().into_iter().flatten();
    let answered: u64 = requests.filter_map(|one| one["answered"].as_u64()).sum();
    let (shed, late) = (times(&is_shed), times(&is_late));
    ensure!(shed * 20 <= answered, "{shed} requests were shed, {answered} answered");
    ensure!(late * 50 <= answered, "{late} requests came too late, {answered} were answered");
    Ok(())
}
