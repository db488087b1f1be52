//! Plays the robots of a plan: a few threads, each with its share of them, and whoever looks on.

use std::{
    process::ExitCode,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use clap::Parser;
use pomelo_client::ClientOptions;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    runtime,
    sync::{mpsc, watch},
    task::{JoinSet, LocalSet},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

use crate::{
    Fault, Plan, PlanError, Report, Robot,
    live::{Live, Output},
    robot::World,
    stats::Stats,
};

/// How long robots may go on when the run is over: to hear an answer that is under way, and to say goodbye.
const GRACE: Duration = Duration::from_secs(2);

/// How long a robot that failed stays away, on average. They differ, so that those of a server that died do not come back at once.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is looked at what the robots do.
const LOOK: Duration = Duration::from_secs(1);

/// Open files beside the robots' connections.
const OTHER_FILES: u64 = 64;

/// The robots' command line.
#[derive(Parser)]
#[command(version, about = "Play a game with many robots, and measure what they see.")]
struct Program {
    #[command(flatten)]
    plan: Plan,
}

/// The whole of a program of robots: reads the command line (`--help` lists it), plays, prints the report.
///
/// The exit code is 1 if the plan can't be carried out, or if something failed and `--fail-on-errors` is given.
pub fn main<F>(robot: F) -> ExitCode
where
    F: AsyncFn(Robot) -> Result<(), Fault> + Clone + Send + 'static,
{
    let plan = Program::parse().plan;
    let played = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(PlanError::from)
        .and_then(|runtime| runtime.block_on(run(&plan, robot)));
    match played {
        Ok(report) => {
            report.print(plan.json);
            if report.is_clean() || !plan.fail_on_errors { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the plan to its end, or until Ctrl-C, and shows on the terminal what there is to see. Each robot is a call of the function, on
/// a thread where it may keep what is not `Send`.
///
/// A robot that ends with a fault comes again after a second, unless [`Plan::once`] says otherwise; one that ends without has done
/// what it came for.
pub async fn run<F>(plan: &Plan, robot: F) -> Result<Report, PlanError>
where
    F: AsyncFn(Robot) -> Result<(), Fault> + Clone + Send + 'static,
{
    let options = plan.client_options()?;
    open_files(plan.count.get() as u64 + OTHER_FILES)?;
    let began = Instant::now();
    let (over, is_over) = watch::channel(false);
    let (done, mut all_done) = mpsc::channel::<()>(1);
    let mut stats = Vec::new();
    for share in 0..plan.threads() {
        let worker = Worker {
            plan: plan.clone(),
            share,
            options: options.clone(),
            began,
            stats: Arc::new(Mutex::new(Stats::default())),
            over: is_over.clone(),
            _done: done.clone(),
        };
        stats.push(Arc::clone(&worker.stats));
        let (robot, runtime) = (robot.clone(), runtime::Builder::new_current_thread().enable_all().build()?);
        let name = format!("robots-{share}");
        thread::Builder::new().name(name).spawn(move || runtime.block_on(worker.run(robot)))?;
    }
    // The threads have the others: once all of them have ended, nobody can say anything any more.
    drop((done, is_over));
    let mut live = Live::new(Output::of(plan), plan.count.get());
    let (mut all, mut counted_from) = (Stats::default(), Duration::ZERO);
    let mut is_warm = plan.warm_up.is_zero();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let end = sleep_until(began + plan.ramp + plan.duration);
        let warm = sleep_until(began + plan.ramp + plan.warm_up);
        tokio::select! {
            _ = look.tick() => {}
            () = warm, if !is_warm => {
                is_warm = true;
                collect(&mut all, &stats);
                (all, counted_from) = (all.without_times(), began.elapsed());
            }
            () = end, if !*over.borrow() => drop(over.send_replace(true)),
            stopped = tokio::signal::ctrl_c(), if !*over.borrow() => {
                stopped?;
                over.send_replace(true);
            }
            none = all_done.recv() => if none.is_none() { break },
        }
        collect(&mut all, &stats);
        live.show(&all, began.elapsed());
    }
    collect(&mut all, &stats);
    live.end(&all, began.elapsed());
    Ok(Report::new(plan, began.elapsed().saturating_sub(counted_from), &all))
}

/// Lets this process have so many open files, as far as the system lets it.
pub fn open_files(wanted: u64) -> Result<(), PlanError> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if enough(limit.current) {
        return Ok(());
    }
    // Who may raise the hard limit too can.
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(wanted) };
    let allowed = limit.maximum.or(limit.current).unwrap_or_default();
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .map_err(|_| PlanError::OpenFiles { wanted, allowed })
}

fn collect(all: &mut Stats, threads: &[Arc<Mutex<Stats>>]) {
    for thread in threads {
        all.take(&mut thread.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// One thread and its share of the robots.
struct Worker {
    plan: Plan,
    /// Which one it is: it plays every `threads`th robot from this one on.
    share: usize,
    options: ClientOptions,
    began: Instant,
    stats: Arc<Mutex<Stats>>,
    over: watch::Receiver<bool>,
    /// Tells by its end.
    _done: mpsc::Sender<()>,
}

impl Worker {
    async fn run<F>(self, robot: F)
    where
        F: AsyncFn(Robot) -> Result<(), Fault> + 'static,
    {
        // With it end the robots' own tasks.
        LocalSet::new().run_until(self.play(Rc::new(robot))).await;
    }

    async fn play<F>(self, robot: Rc<F>)
    where
        F: AsyncFn(Robot) -> Result<(), Fault> + 'static,
    {
        let Self { plan, share, options, began, stats, over, .. } = &self;
        let world = Rc::new(World {
            count: plan.count.get(),
            options: options.clone(),
            stats: Arc::clone(stats),
            over: over.clone(),
        });
        let mut over = over.clone();
        let mut robots = JoinSet::new();
        for index in (*share..plan.count.get()).step_by(plan.threads()) {
            tokio::select! {
                () = sleep_until(*began + plan.comes_after(index)) => {}
                _ = over.wait_for(|over| *over) => break,
            }
            let me = Robot::new(plan.first + index, Rc::clone(&world));
            robots.spawn_local(come(me, Rc::clone(&robot), plan.once));
        }
        let mut last_call = over.clone();
        let too_late = async {
            let _ = last_call.wait_for(|over| *over).await;
            sleep(GRACE).await;
        };
        tokio::pin!(too_late);
        loop {
            tokio::select! {
                one = robots.join_next() => match one {
                    Some(Ok(())) => {}
                    Some(Err(error)) => panicked(&world, &error),
                    None => return,
                },
                () = &mut too_late => return,
            }
        }
    }
}

/// A robot from its first time to its last.
async fn come<F>(robot: Robot, play: Rc<F>, once: bool)
where
    F: AsyncFn(Robot) -> Result<(), Fault>,
{
    robot.stats().robots.came += 1;
    loop {
        match play(robot.clone()).await {
            Ok(()) | Err(Fault::Over) => break,
            Err(fault) => robot.count_fault(&fault),
        }
        robot.stats().robots.failed += 1;
        if once || robot.pause(AGAIN.mul_f64(0.5 + fastrand::f64())).await.is_err() {
            return;
        }
        robot.stats().robots.again += 1;
    }
    robot.stats().robots.done += 1;
}

fn panicked(world: &World, error: &tokio::task::JoinError) {
    let mut stats = world.stats.lock().unwrap_or_else(PoisonError::into_inner);
    stats.robots.failed += 1;
    stats.failure("robot", "panicked".to_owned(), 1, || error.to_string());
}
