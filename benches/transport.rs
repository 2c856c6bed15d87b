//! Bulk over one raw stream between two processes on loopback: the stock libp2p stack and ours,
//! in alternating pairs.
//!
//! `cargo bench --bench transport -- [--mib N] [--pairs N] [--rows WORDS]`
#![allow(clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identity::Keypair, multiaddr::Protocol, noise,
    swarm::SwarmEvent, tcp, tls, yamux,
};
use p2pfs_tui::{
    domain::NetworkName,
    network::{
        host::{ConnectionBounds, Host, HostConfig, Started, streams::ByteStream, transport},
        kad::record_store::Limits,
    },
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::compat::FuturesAsyncReadCompatExt;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/p2pfs-bench/1");
const CHUNK: usize = 256 * 1024;
/// Small messages back and forth, before the bulk.
const PINGS: usize = 2_000;
const GO_ON: u8 = 1;
const ENOUGH: u8 = 0;

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

/// What is compared: a name, the stack that sends, the stack that receives.
const ROWS: [(&str, &str, &str); 6] = [
    ("stock, TLS", "stock-tls", "stock-tls"),
    ("ours", "ours", "ours"),
    ("ours, through the host", "host", "host"),
    ("stock, Noise", "stock-noise", "stock-noise"),
    ("ours to stock, Noise", "ours", "stock-noise"),
    ("stock to ours, Noise", "stock-noise", "ours"),
];

fn compare(flags: &[&str]) -> Result<(), Failure> {
    let flag = |name: &str| {
        flags.iter().position(|word| *word == name).and_then(|at| flags.get(at + 1)).copied()
    };
    let mib: u64 = flag("--mib").unwrap_or("1024").parse()?;
    let pairs: usize = flag("--pairs").unwrap_or("5").parse()?;
    let wanted = flag("--rows").unwrap_or("");
    let mut rows: Vec<_> = ROWS
        .into_iter()
        .filter(|(name, ..)| name.contains(wanted))
        .map(|row| (row, Vec::new()))
        .collect();
    println!("{mib} MiB, {pairs} runs each, {} cores", std::thread::available_parallelism()?);
    for _ in 0..pairs {
        for ((_, sender, receiver), runs) in &mut rows {
            runs.push(once(sender, receiver, mib << 20)?);
        }
    }
    println!(
        "{:24} {:>6} {:>12} {:>8} {:>8} {:>6} {:>8} {:>8}",
        "median of", "MiB/s", "CPU s/GiB", "sender", "receiver", "ratio", "ping us", "RSS MiB"
    );
    let mut first = None;
    for ((name, ..), runs) in rows {
        let gib = mib as f64 / 1024.0;
        let median = |of: fn(&Run) -> f64| {
            let mut all: Vec<_> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let cpu = median(|run| run.sender.cpu + run.receiver.cpu) / gib;
        println!(
            "{name:24} {:6.0} {cpu:12.2} {:8.2} {:8.2} {:6.2} {:8.0} {:4.0}/{:3.0}",
            mib as f64 / median(|run| run.receiver.seconds),
            median(|run| run.sender.cpu) / gib,
            median(|run| run.receiver.cpu) / gib,
            first.get_or_insert(cpu).to_owned() / cpu,
            median(|run| run.receiver.ping) * 1e6,
            median(|run| run.sender.resident),
            median(|run| run.receiver.resident),
        );
    }
    Ok(())
}

struct Run {
    sender: Figures,
    receiver: Figures,
}

/// What one side has to say of a run.
struct Figures {
    seconds: f64,
    cpu: f64,
    ping: f64,
    resident: f64,
}

impl Figures {
    fn tell(seconds: f64, cpu: f64, ping: f64) {
        println!("{seconds} {cpu} {ping} {}", peak_resident());
    }

    fn read(line: &str) -> Result<Self, Failure> {
        let figures: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [seconds, cpu, ping, resident] = figures[..] else { return Err(line.into()) };
        Ok(Self { seconds, cpu, ping, resident })
    }
}

fn once(sender: &str, receiver: &str, bytes: u64) -> Result<Run, Failure> {
    let mut sender = child(&["send", sender, &bytes.to_string()])?;
    let mut from_sender = BufReader::new(sender.stdout.take().ok_or("no pipe")?);
    let address = line(&mut from_sender)?;
    let mut receiver = child(&["receive", receiver, &bytes.to_string(), &address])?;
    let mut from_receiver = BufReader::new(receiver.stdout.take().ok_or("no pipe")?);
    let run = Run {
        receiver: Figures::read(&line(&mut from_receiver)?)?,
        sender: Figures::read(&line(&mut from_sender)?)?,
    };
    sender.wait()?;
    receiver.wait()?;
    Ok(run)
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
    let tcp = tcp::Config::default();
    Ok(match stack {
        "stock-tls" => builder
            .with_tcp(tcp, tls::Config::new, yamux::Config::default)?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        "stock-noise" => builder
            .with_tcp(tcp, noise::Config::new, yamux::Config::default)?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        "ours" => builder
            .with_other_transport(|keypair| Ok(transport::tcp(keypair)?))?
            .with_behaviour(behaviour)?
            .with_swarm_config(patience)
            .build(),
        other => return Err(format!("no such stack: {other}").into()),
    })
}

fn host(data_dir: &Path) -> Result<Started<1>, Failure> {
    let config = HostConfig {
        data_dir: data_dir.to_owned(),
        network: NetworkName::default(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
        bootstrap: Vec::new(),
        mdns: false,
        serve_dht: true,
        connections: ConnectionBounds::default(),
        records: Limits::default(),
    };
    Ok(Host::start(config, [PROTOCOL])?)
}

async fn send(stack: &str, bytes: u64) -> Result<(), Failure> {
    if stack == "host" {
        let directory = tempfile::tempdir()?;
        let Started { host, inbound: [mut inbound], .. } = host(directory.path())?;
        let mut state = host.state();
        let state = state.wait_for(|state| !state.listen.is_empty()).await?;
        println!("{}", state.listen[0].clone().with(Protocol::P2p(host.peer_id())));
        drop(state);
        let stream = inbound.recv().await.ok_or("nobody came")?.stream;
        return tokio::spawn(send_over(stream, bytes)).await?;
    }
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
    let (_, stream) = incoming.next().await.ok_or("nobody came")?;
    tokio::spawn(send_over(stream.compat(), bytes)).await?
}

async fn receive(stack: &str, bytes: u64, address: Multiaddr) -> Result<(), Failure> {
    let Some(Protocol::P2p(peer)) = address.iter().last() else { return Err("no peer".into()) };
    if stack == "host" {
        let directory = tempfile::tempdir()?;
        let Started { host, .. } = host(directory.path())?;
        let stream = host.open(peer, vec![address], PROTOCOL).await?;
        return tokio::spawn(receive_over(stream, bytes)).await?;
    }
    let mut swarm = swarm(stack)?;
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
    let stream = control.open_stream(peer, PROTOCOL).await?;
    tokio::spawn(receive_over(stream.compat(), bytes)).await?
}

async fn send_over(mut stream: ByteStream, bytes: u64) -> Result<(), Failure> {
    let mut small = [GO_ON; 32];
    while small[0] == GO_ON {
        stream.read_exact(&mut small).await?;
        stream.write_all(&small).await?;
        stream.flush().await?;
    }
    let chunk = vec![0x5A; CHUNK];
    let (before, begin) = (cpu(), Instant::now());
    let mut left = bytes;
    while left > 0 {
        let size = left.min(CHUNK as u64);
        stream.write_all(&chunk[..usize::try_from(size)?]).await?;
        left -= size;
    }
    stream.flush().await?;
    stream.read_exact(&mut small[..1]).await?;
    Figures::tell(begin.elapsed().as_secs_f64(), cpu() - before, 0.0);
    Ok(())
}

async fn receive_over(mut stream: ByteStream, bytes: u64) -> Result<(), Failure> {
    let (mut small, mut pings) = ([GO_ON; 32], Vec::new());
    while small[0] == GO_ON {
        let last = pings.len() == PINGS || pings.iter().sum::<f64>() > 1.0;
        small[0] = if last { ENOUGH } else { GO_ON };
        let begin = Instant::now();
        stream.write_all(&small).await?;
        stream.flush().await?;
        stream.read_exact(&mut small).await?;
        pings.push(begin.elapsed().as_secs_f64());
    }
    pings.sort_by(f64::total_cmp);
    let ping = pings[pings.len() / 2];
    let mut chunk = vec![0; CHUNK];
    let (before, begin) = (cpu(), Instant::now());
    let mut left = bytes;
    while left > 0 {
        let wanted = left.min(CHUNK as u64);
        match stream.read(&mut chunk[..usize::try_from(wanted)?]).await? {
            0 => return Err("the stream ended early".into()),
            read => left -= read as u64,
        }
    }
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), cpu() - before);
    stream.write_all(&[1]).await?;
    stream.flush().await?;
    Figures::tell(seconds, cpu, ping);
    // What is flushed may still be on its way: the other side ends first.
    let _ = stream.read(&mut small).await;
    Ok(())
}

/// Seconds of processor that this process has used.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process had, in MiB; 0 where that cannot be known.
fn peak_resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
