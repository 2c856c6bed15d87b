//! Bulk over one raw stream between two processes on loopback: the stock libp2p stack and ours,
//! in alternating pairs.
//!
//! `cargo bench --bench transport -- [--mib N] [--pairs N] [--only STACK]`
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identity::Keypair, multiaddr::Protocol, noise,
    swarm::SwarmEvent, tcp, tls, yamux,
};
use p2pfs_tui::network::host::transport;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/p2pfs-bench/1");
const CHUNK: usize = 256 * 1024;
const PINGS: u32 = 2_000;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["send", stack, bytes] => run(send(stack, bytes.parse()?)),
        ["receive", stack, bytes, address] => run(receive(stack, bytes.parse()?, address.parse()?)),
        flags => compare(flags),
    }
}

fn run(side: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(side)
}

fn compare(flags: &[&str]) -> Result<(), Failure> {
    let flag = |name: &str| flags.iter().position(|word| *word == name).map(|at| flags[at + 1]);
    let mib: u64 = flag("--mib").unwrap_or("1024").parse()?;
    let pairs: usize = flag("--pairs").unwrap_or("5").parse()?;
    let stacks: Vec<_> = ["stock", "ours", "stock-noise", "ours-noise"]
        .into_iter()
        .filter(|stack| flag("--only").is_none_or(|only| only == *stack))
        .collect();
    println!("{mib} MiB, {pairs} runs each, {} cores", std::thread::available_parallelism()?);
    let mut runs: Vec<(&str, Vec<Run>)> = stacks.iter().map(|s| (*s, Vec::new())).collect();
    for _ in 0..pairs {
        for (stack, runs) in &mut runs {
            runs.push(once(stack, mib << 20)?);
        }
    }
    println!(
        "{:12} {:>8} {:>12} {:>12} {:>12} {:>10}",
        "stack", "MiB/s", "receiver", "sender", "CPU s/GiB", "ping us"
    );
    for (stack, runs) in runs {
        let gib = mib as f64 / 1024.0;
        let median = |of: fn(&Run) -> f64| {
            let mut all: Vec<_> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "{stack:12} {:8.0} {:12.2} {:12.2} {:12.2} {:10.0}",
            mib as f64 / median(|run| run.seconds),
            median(|run| run.receiver) / gib,
            median(|run| run.sender) / gib,
            median(|run| run.receiver + run.sender) / gib,
            median(|run| run.ping) * 1e6,
        );
    }
    Ok(())
}

struct Run {
    seconds: f64,
    receiver: f64,
    sender: f64,
    ping: f64,
}

fn once(stack: &str, bytes: u64) -> Result<Run, Failure> {
    let mut sender = child(&["send", stack, &bytes.to_string()])?;
    let mut from_sender = BufReader::new(sender.stdout.take().ok_or("no pipe")?);
    let address = line(&mut from_sender)?;
    let mut receiver = child(&["receive", stack, &bytes.to_string(), &address])?;
    let mut from_receiver = BufReader::new(receiver.stdout.take().ok_or("no pipe")?);
    let figures = line(&mut from_receiver)?;
    let sent = line(&mut from_sender)?;
    sender.wait()?;
    receiver.wait()?;
    let figures: Vec<f64> = figures.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    Ok(Run { seconds: figures[0], receiver: figures[1], ping: figures[2], sender: sent.parse()? })
}

fn child(arguments: &[&str]) -> Result<Child, Failure> {
    Ok(Command::new(env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?)
}

fn line(from: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn swarm(stack: &str) -> Result<Swarm<libp2p_stream::Behaviour>, Failure> {
    let builder = SwarmBuilder::with_existing_identity(Keypair::generate_ed25519()).with_tokio();
    let patience = |config: libp2p::swarm::Config| {
        config.with_idle_connection_timeout(Duration::from_secs(60))
    };
    let behaviour = |_: &Keypair| libp2p_stream::Behaviour::new();
    Ok(match stack {
        "stock" => builder
            .with_tcp(tcp::Config::default(), tls::Config::new, yamux::Config::default)?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        "stock-noise" => builder
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        "ours" => builder
            .with_other_transport(|keypair| transport::tcp(keypair))?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        "ours-noise" => builder
            .with_other_transport(|keypair| transport::tcp_noise(keypair))?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        other => return Err(format!("no such stack: {other}").into()),
    })
}

async fn send(stack: &str, bytes: u64) -> Result<(), Failure> {
    let mut swarm = swarm(stack)?;
    let mut incoming = swarm.behaviour().new_control().accept(PROTOCOL)?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address.with(Protocol::P2p(*swarm.local_peer_id()));
        }
    };
    println!("{address}");
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let (_, mut stream) = incoming.next().await.ok_or("nobody came")?;
    let mut small = [0; 32];
    for _ in 0..PINGS {
        stream.read_exact(&mut small).await?;
        stream.write_all(&small).await?;
        stream.flush().await?;
    }
    let chunk = vec![0x5A; CHUNK];
    let before = cpu();
    tokio::spawn(async move {
        for _ in 0..bytes / CHUNK as u64 {
            stream.write_all(&chunk).await?;
        }
        stream.flush().await?;
        stream.read_exact(&mut small[..1]).await?;
        println!("{}", cpu() - before);
        Ok(())
    })
    .await?
}

async fn receive(stack: &str, bytes: u64, address: Multiaddr) -> Result<(), Failure> {
    let mut swarm = swarm(stack)?;
    let Some(Protocol::P2p(peer)) = address.iter().last() else { return Err("no peer".into()) };
    let mut control = swarm.behaviour().new_control();
    swarm.dial(address)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { .. } => break,
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let mut stream = control.open_stream(peer, PROTOCOL).await?;
    let begin = Instant::now();
    let mut small = [7; 32];
    for _ in 0..PINGS {
        stream.write_all(&small).await?;
        stream.flush().await?;
        stream.read_exact(&mut small).await?;
    }
    let ping = begin.elapsed().as_secs_f64() / f64::from(PINGS);
    let mut chunk = vec![0; CHUNK];
    let (before, begin) = (cpu(), Instant::now());
    tokio::spawn(async move {
        let mut left = bytes;
        while left > 0 {
            let wanted = left.min(CHUNK as u64) as usize;
            let read = stream.read(&mut chunk[..wanted]).await?;
            if read == 0 {
                return Err("the stream ended early".into());
            }
            left -= read as u64;
        }
        let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu() - before);
        stream.write_all(&[1]).await?;
        stream.flush().await?;
        println!("{seconds} {cpu} {ping}");
        // What is flushed may still be on its way: the other side ends first.
        let _ = stream.read(&mut small).await;
        Ok(())
    })
    .await?
}

/// Seconds of processor that this process has used.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
