//! Schedules on a clock that stands still until it is told to go on.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pomelo_cluster::config::CronEntry;
use tokio::time::{Instant, sleep};

use super::{AskLeader, Clock, Cron, Crons, Due, Granted, Origin, Schedule};
use crate::{
    Me, Result, Server, State,
    extract::{Game, Parts, PartsInner},
    testing::Stage,
};

const COUNT: Cron = Cron::new("chatCron.count");

/// 2026-11-23 10:00:00 UTC, and as much later as tokio's clock has gone.
fn clock() -> Clock {
    clock_that_is_set(Arc::default())
}

/// The same with so many seconds added.
fn clock_that_is_set(by_s: Arc<AtomicI64>) -> Clock {
    let (begin, start): (Timestamp, _) = ("2026-11-23T10:00:00Z".parse().unwrap(), Instant::now());
    let now = move || begin + start.elapsed() + SignedDuration::from_secs(by_s.load(SeqCst));
    Clock { zone: TimeZone::UTC, now: Arc::new(now) }
}

fn entry(id: &str, time: &str) -> CronEntry {
    let (id, time, action) = (id.to_owned(), time.to_owned(), COUNT.name().to_owned());
    CronEntry { id, time, action, server_id: None, once: false }
}

fn nobody() -> AskLeader {
    Arc::new(|_, _, _| Box::pin(async { Granted::Nobody("no leader".to_owned()) }))
}

/// What was called: job and time of the day.
type Called = Arc<Mutex<Vec<String>>>;

/// One without jobs.
pub(crate) fn empty() -> Schedule {
    Schedule::new(Crons::default(), &[], parts(Server::default()), clock(), nobody())
}

fn parts(server: Server) -> Parts {
    let stage = Stage::new("chat-server-1");
    Parts(Arc::new(PartsInner {
        me: stage.me().0,
        game: Game { folder: Path::new("").into(), environment: "development".into() },
        states: server.states,
        directory: Arc::default(),
        rpc: stage.rpc(),
        channels: stage.channels(),
        sessions: None,
    }))
}

fn schedule(
    describe: impl FnOnce(Server) -> Server,
    entries: &[CronEntry],
    ask: AskLeader,
) -> (Schedule, Called) {
    schedule_at(clock(), describe, entries, ask)
}

fn schedule_at(
    clock: Clock,
    describe: impl FnOnce(Server) -> Server,
    entries: &[CronEntry],
    ask: AskLeader,
) -> (Schedule, Called) {
    let called = Called::default();
    let server =
        Server::default().state(called.clone()).cron(COUNT, |called: State<Called>, due: Due| async move {
            let time = Timestamp::from_millisecond(due.at_ms).unwrap().strftime("%H:%M:%S").to_string();
            called.lock().unwrap().push(format!("{} {time}", due.id));
            Result::<()>::Ok(())
        });
    let mut server = describe(server);
    assert_eq!(server.crons.problems(entries), [""; 0]);
    let crons = std::mem::take(&mut server.crons);
    (Schedule::new(crons, entries, parts(server), clock, ask), called)
}

#[tokio::test(start_paused = true)]
async fn jobs_are_called_at_their_times_with_what_they_ask_for() {
    let (schedule, called) =
        schedule(|s| s, &[entry("1", "*/20 * * * * *"), entry("2", "0 1 10 * * *")], nobody());
    let running = schedule.start();
    sleep(Duration::from_secs(65)).await;
    running.stop().await;
    sleep(Duration::from_secs(65)).await;
    assert_eq!(*called.lock().unwrap(), ["1 10:00:20", "1 10:00:40", "1 10:01:00", "2 10:01:00"]);
}

#[tokio::test(start_paused = true)]
async fn jobs_come_and_go_while_it_runs_and_those_of_other_servers_are_left_to_them() {
    let (schedule, called) = schedule(|s| s, &[], nobody());
    let running = schedule.start();
    schedule.add(&entry("1", "*/10 * * * * *"), Origin::Added).unwrap();
    let elsewhere =
        CronEntry { server_id: Some("chat-server-2".parse().unwrap()), ..entry("2", "* * * * * *") };
    schedule.add(&elsewhere, Origin::Added).unwrap();
    let unknown = CronEntry { action: "a.b".to_owned(), ..entry("3", "* * * * * *") };
    let why = schedule.add(&unknown, Origin::Added).unwrap_err();
    assert_eq!(why, "action \"a.b\" is unknown, the application has: chatCron.count");
    sleep(Duration::from_secs(25)).await;
    assert!(schedule.remove("1") && !schedule.remove("1"));
    sleep(Duration::from_secs(25)).await;
    assert_eq!(*called.lock().unwrap(), ["1 10:00:10", "1 10:00:20"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_became_another_one_under_its_id_is_replaced_and_one_that_did_not_goes_on() {
    let (schedule, called) = schedule(|s| s, &[entry("given", "0 0 0 * * *")], nobody());
    let running = schedule.start();
    let every = |id: &str, seconds: u32| entry(id, &format!("*/{seconds} * * * * *"));
    schedule.set_added(&[every("1", 10), every("2", 15)]);
    sleep(Duration::from_secs(12)).await;
    schedule.set_added(&[every("1", 20), every("2", 15), every("given", 1)]);
    sleep(Duration::from_secs(14)).await;
    schedule.set_added(&[CronEntry { time: "often".to_owned(), ..every("1", 1) }, every("2", 15)]);
    sleep(Duration::from_secs(10)).await;
    running.stop().await;
    assert_eq!(*called.lock().unwrap(), ["1 10:00:10", "2 10:00:15", "1 10:00:20", "2 10:00:30"]);
    let ids: Vec<_> = schedule.list().as_array().unwrap().iter().map(|job| job["id"].clone()).collect();
    assert_eq!(ids, ["2", "given"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_long_is_not_joined_by_the_next_and_a_panic_is_the_end_of_one_run_only() {
    let slow = Arc::new(AtomicUsize::new(0));
    let panics = Arc::new(AtomicUsize::new(0));
    let (counted, panicked) = (slow.clone(), panics.clone());
    let jobs = move |server: Server| {
        server
            .every(Duration::from_secs(1), move |_: Me| {
                let counted = counted.clone();
                async move {
                    counted.fetch_add(1, SeqCst);
                    sleep(Duration::from_millis(2500)).await;
                    Result::<()>::Ok(())
                }
            })
            .cron_at("* * * * * *", move || {
                let panicked = panicked.clone();
                async move {
                    assert!(panicked.fetch_add(1, SeqCst) % 2 == 1, "a job that panics, as a test wants it");
                    Result::<()>::Ok(())
                }
            })
    };
    let (schedule, _) = schedule(jobs, &[], nobody());
    let running = schedule.start();
    sleep(Duration::from_millis(9500)).await;
    // At 1, 4 and 7 s; the times between are skipped.
    assert_eq!(slow.load(SeqCst), 3);
    assert_eq!(panics.load(SeqCst), 9);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_by_an_hour_stops_no_job() {
    let by_s = Arc::new(AtomicI64::new(0));
    let ticks = Arc::new(AtomicUsize::new(0));
    let counted = ticks.clone();
    let every = move |server: Server| {
        server.every(Duration::from_secs(1), move || {
            let counted = counted.clone();
            async move {
                counted.fetch_add(1, SeqCst);
                Result::<()>::Ok(())
            }
        })
    };
    let entries = [entry("minutes", "0 * * * * *"), entry("daily", "30 0 10 * * *")];
    let (schedule, called) = schedule_at(clock_that_is_set(by_s.clone()), every, &entries, nobody());
    let running = schedule.start();
    sleep(Duration::from_millis(90_500)).await;
    by_s.store(-3600, SeqCst);
    sleep(Duration::from_secs(3600)).await;
    running.stop().await;
    assert_eq!(ticks.load(SeqCst), 3690);
    let called = called.lock().unwrap();
    let minutes = called.iter().filter(|call| call.starts_with("minutes"));
    assert_eq!(minutes.clone().nth(1).unwrap(), "minutes 09:02:00");
    assert_eq!(minutes.count(), 61);
    let daily: Vec<_> = called.iter().filter(|call| call.starts_with("daily")).collect();
    assert_eq!(daily, ["daily 10:00:30"], "what was done today is not done again");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_by_seconds_makes_no_time_come_twice() {
    let by_s = Arc::new(AtomicI64::new(0));
    let entries = [entry("1", "* * * * * *")];
    let (schedule, called) = schedule_at(clock_that_is_set(by_s.clone()), |s| s, &entries, nobody());
    let running = schedule.start();
    sleep(Duration::from_millis(5_500)).await;
    by_s.store(-3, SeqCst);
    sleep(Duration::from_secs(5)).await;
    running.stop().await;
    let times = (1..=7).map(|second| format!("1 10:00:{second:02}")).collect::<Vec<_>>();
    assert_eq!(*called.lock().unwrap(), times);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_done_once_is_done_by_whom_the_leader_says() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = asked.clone();
    let ask: AskLeader = Arc::new(move |id, at, left| {
        told.lock().unwrap().push((id.to_owned(), at / 1000 % 60, left.as_secs()));
        let answer = match at / 1000 % 60 {
            10 => Granted::Here,
            20 => Granted::Elsewhere,
            _ => Granted::Nobody("no leader".to_owned()),
        };
        Box::pin(async move { answer })
    });
    let once = CronEntry { once: true, ..entry("1", "*/10 * * * * *") };
    let (schedule, called) = schedule(|s| s, &[once], ask);
    let running = schedule.start();
    sleep(Duration::from_secs(35)).await;
    running.stop().await;
    assert_eq!(*called.lock().unwrap(), ["1 10:00:10"]);
    let asked: Vec<_> = asked.lock().unwrap().iter().map(|(id, at, _)| (id.clone(), *at)).collect();
    assert_eq!(asked, [("1".to_owned(), 10), ("1".to_owned(), 20), ("1".to_owned(), 30)]);
}

#[test]
fn what_does_not_fit_is_said_in_words() {
    let nothing = || async { Result::<()>::Ok(()) };
    let server = Server::default().cron(COUNT, nothing).cron(COUNT, nothing).cron_at("often", nothing);
    let wrong = CronEntry { action: "chatCron.cuont".to_owned(), ..entry("7", "* * * * * *") };
    assert_eq!(
        server.crons.problems(&[wrong, entry("8", "0 0 0 * 12 *")]),
        [
            "cron \"chatCron.count\" is registered twice",
            "time \"often\": expected six fields (second minute hour day month weekday), found 1",
            "crons.json, job \"7\": action \"chatCron.cuont\" is unknown, the application has: chatCron.count",
            "crons.json, job \"8\": time \"0 0 0 * 12 *\": month \"12\": months are 0 (January) to 11 as in the original, or names like JAN",
        ]
    );
}
