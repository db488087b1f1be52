//! Calls over one link between two processes: how many a second, and what they cost, beside the least they must cost. Not
//! here: messages of clients that are forwarded over it (`load`).
//!
//! The least is one loop that writes, reads, and writes again for each answer, with no table of those who wait.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use pomelo_protocol::ServerId;
use pomelo_rpc::{Failure, Handled, Hello, Limits, Links, Service};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
    task::JoinSet,
};

/// Ticks of `/proc/PID/stat` in a second: 100 on every Linux that we know.
const TICKS: f64 = 100.0;

/// What to measure.
#[derive(Args)]
pub(crate) struct Rpc {
    /// How long each round measures.
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    seconds: u64,
    /// Rounds; their medians are shown, with the least and the most.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Calls under way at once, each in a task of its own.
    #[arg(long, value_name = "N", default_value_t = 50)]
    in_flight: usize,
    /// Bytes of a body, there and back.
    #[arg(long, value_name = "N", default_value_t = 64)]
    bytes: usize,
}

/// The called process; `rpc` starts it.
#[derive(Args)]
pub(crate) struct Peer {
    /// Gives back bytes as they are, without a link.
    #[arg(long)]
    bare: bool,
}

/// One round.
struct Measured {
    per_second: f64,
    /// Seconds for 100,000 calls.
    caller_cpu: f64,
    called_cpu: f64,
}

impl Rpc {
    pub(crate) async fn run(self) -> Result<()> {
        let (mut links, mut least) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            links.push(self.over_a_link().await?);
            least.push(self.bare().await?);
        }
        println!(
            "{} calls under way, bodies of {} bytes, {} rounds of {} s",
            self.in_flight, self.bytes, self.rounds, self.seconds
        );
        println!(
            "{:<22} {:>28} {:>24} {:>24}",
            "", "calls a second", "caller CPU s / 100k", "called CPU s / 100k"
        );
        for (name, rounds) in [("link, a task a call", &links), ("one loop", &least)] {
            let column =
                |value: fn(&Measured) -> f64, digits| spread(rounds.iter().map(value).collect(), digits);
            let (rate, caller, called) =
                (column(|m| m.per_second, 0), column(|m| m.caller_cpu, 3), column(|m| m.called_cpu, 3));
            println!("{name:<22} {rate:>28} {caller:>24} {called:>24}");
        }
        Ok(())
    }

    async fn over_a_link(&self) -> Result<Measured> {
        let (child, port) = peer(&["rpc-peer"]).await?;
        let addr = format!("127.0.0.1:{port}");
        let links = links("caller", Arc::new(move |_| Some(addr.clone())))?;
        let called = ServerId::new("called")?;
        let body = Bytes::from(vec![b'x'; self.bytes]);
        // The dial is not measured.
        links.call(&called, "bench.echo", body.clone(), Duration::from_secs(5)).await?;
        self.measure(&child, async |end| {
            let mut callers = JoinSet::new();
            for _ in 0..self.in_flight {
                let (links, called, body) = (links.clone(), called.clone(), body.clone());
                callers.spawn(async move {
                    let mut calls = 0;
                    while Instant::now() < end {
                        // As a game calls: a task of its own, a deadline.
                        let (links, called, body) = (links.clone(), called.clone(), body.clone());
                        let call = async move {
                            links.call(&called, "bench.echo", body, Duration::from_secs(10)).await
                        };
                        tokio::spawn(call).await??;
                        calls += 1;
                    }
                    anyhow::Ok(calls)
                });
            }
            let mut calls = 0;
            while let Some(caller) = callers.join_next().await {
                calls += caller??;
            }
            Ok(calls)
        })
        .await
    }

    async fn bare(&self) -> Result<Measured> {
        let (child, port) = peer(&["rpc-peer", "--bare"]).await?;
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        self.measure(&child, async |end| {
            // Length, tag, body, as short as a link could make it.
            let frame =
                [&(8 + self.bytes as u32).to_be_bytes()[..], &[0; 8], &vec![b'x'; self.bytes]].concat();
            let (mut out, mut input) = (frame.repeat(self.in_flight), vec![0; 64 << 10]);
            let (mut calls, mut part) = (0, 0);
            while Instant::now() < end {
                socket.write_all(&out)?;
                out.clear();
                part += socket.read(&mut input)?;
                let whole = part / frame.len();
                part %= frame.len();
                calls += whole as u64;
                for frame in input.chunks_exact(frame.len()).take(whole) {
                    out.extend_from_slice(frame);
                }
            }
            Ok(calls)
        })
        .await
    }

    async fn measure(
        &self,
        child: &Child,
        work: impl AsyncFnOnce(Instant) -> Result<u64>,
    ) -> Result<Measured> {
        let called = child.id().context("the called process has ended")?;
        let cpu_now = || Ok::<_, anyhow::Error>((cpu(std::process::id())?, cpu(called)?));
        let (start, before) = (Instant::now(), cpu_now()?);
        let calls = work(start + Duration::from_secs(self.seconds)).await? as f64;
        let (seconds, after) = (start.elapsed().as_secs_f64(), cpu_now()?);
        let per_100k = calls / 100_000.0;
        Ok(Measured {
            per_second: calls / seconds,
            caller_cpu: (after.0 - before.0) / per_100k,
            called_cpu: (after.1 - before.1) / per_100k,
        })
    }
}

impl Peer {
    /// Says its port on stdout and serves until it is killed.
    pub(crate) async fn run(self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        if !self.bare {
            links("called", Arc::new(|_| None))?.serve(listener, std::future::pending()).await;
            return Ok(());
        }
        let (mut socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let mut scratch = vec![0; 64 << 10];
        loop {
            match socket.read(&mut scratch).await? {
                0 => return Ok(()),
                read => socket.write_all(&scratch[..read]).await?,
            }
        }
    }
}

/// Answers with the body of the call.
struct Echo;

impl Service for Echo {
    fn call(
        &self,
        _from: &ServerId,
        _method: &str,
        body: Bytes,
        _until: Option<tokio::time::Instant>,
    ) -> Handled<Result<Bytes, Failure>> {
        // As a handler is: behind a pointer.
        Handled::Later(Box::pin(async move { Ok(body) }))
    }

    fn one_way(&self, _from: &ServerId, _method: &str, _body: Bytes) {}
}

fn links(id: &str, resolve: pomelo_rpc::Resolve) -> Result<Links> {
    let hello = Hello { id: ServerId::new(id)?, incarnation: 1 };
    Ok(Links::new(hello, resolve, Arc::new(Echo), Limits::default()))
}

/// This program as the called one, and its port; it ends with the returned handle.
async fn peer(arguments: &[&str]) -> Result<(Child, u16)> {
    let mut command = Command::new(env::current_exe()?);
    let mut child = command.args(arguments).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().context("no stdout")?;
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port).await?;
    Ok((child, port.trim().parse()?))
}

/// User and system time of a process, in seconds.
fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which may have anything in it, `utime` and `stime` are the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.map(|field| field.parse::<f64>().unwrap_or_default()).sum();
    Ok(ticks / TICKS)
}

/// Median, least and most.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    match (values.first(), values.get(values.len() / 2), values.last()) {
        (Some(least), Some(median), Some(most)) => {
            format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
        }
        _ => String::new(),
    }
}
