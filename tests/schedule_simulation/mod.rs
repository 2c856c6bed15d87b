//! A network that is not there: schedulers, peers that answer them, and the lines between, under a
//! clock of its own. The same seed gives the same run.
//!
//! [`Network`] turns events into inputs of the schedulers and their actions into events;
//! [`client`] holds what must be true of every scheduler at every step; [`server`] is the other side.

pub mod client;
mod figures;
pub mod link;
pub mod random;
pub mod server;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use p2pfs_tui::network::content::schedule::{Action, SpanNo};
use rand::{Rng, SeedableRng, rngs::StdRng};

use self::{
    client::Client,
    link::{Link, ToClient, ToServer},
    server::Node,
};

/// Nanoseconds since the run began.
pub type Time = u64;

pub const BLOCK: u64 = 16 * 1024;
pub const KIB: f64 = 1024.0;
pub const MIB: f64 = 1024.0 * 1024.0;

pub fn ms(ms: u64) -> Time {
    ms * 1_000_000
}

pub fn seconds(seconds: f64) -> Time {
    (seconds * 1e9) as Time
}

/// What happens at some time.
#[derive(Debug)]
enum Event {
    ToServer(usize, ToServer),
    ToClient(usize, ToClient),
    /// A server has put what it was sending on the line.
    Sent(usize),
    /// A pause of a server on a line is over.
    Resume(usize),
    /// A scheduler wanted to be polled, for the so-manieth time.
    Wake(usize, u64),
    /// A client opens a line to a node.
    Connect(usize, usize),
    Lost(usize),
    /// A node that has not everything gets one more span.
    Gain(usize, SpanNo),
    /// A reader moves on.
    Read(usize, SpanNo),
}

/// Everything.
pub struct Network {
    origin: Instant,
    pub now: Time,
    /// By time, then in the order in which they were thought of.
    queue: BTreeMap<(Time, u64), Event>,
    count: u64,
    pub rng: StdRng,
    pub clients: Vec<Client>,
    pub nodes: Vec<Node>,
    pub links: Vec<Link>,
    /// Invariants are looked at after every so many events; 0: only at the end.
    pub check_every: u64,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            origin: Instant::now(),
            now: 0,
            queue: BTreeMap::new(),
            count: 0,
            rng: StdRng::seed_from_u64(seed),
            clients: Vec::new(),
            nodes: Vec::new(),
            links: Vec::new(),
            check_every: 0,
        }
    }

    pub fn instant(&self) -> Instant {
        self.origin + Duration::from_nanos(self.now)
    }

    /// A client that fetches spans of these lengths.
    pub fn add_client(&mut self, lengths: &[u32], seed: u64) -> usize {
        let client = Client::new(lengths.to_vec(), seed, self.instant());
        self.clients.push(client);
        let number = self.clients.len() - 1;
        self.pump(number);
        number
    }

    pub fn add_node(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub fn connect_at(&mut self, at: Time, client: usize, node: usize) {
        self.push(at, Event::Connect(client, node));
    }

    pub fn gain_at(&mut self, at: Time, node: usize, span: SpanNo) {
        self.push(at, Event::Gain(node, span));
    }

    pub fn read_at(&mut self, at: Time, client: usize, span: SpanNo) {
        self.push(at, Event::Read(client, span));
    }

    fn push(&mut self, at: Time, event: Event) {
        self.count += 1;
        self.queue.insert((at.max(self.now), self.count), event);
    }

    /// Runs until every client has everything; the time that took.
    pub fn run(&mut self, limit: Time) -> Time {
        while !self.clients.iter().all(Client::is_done) {
            assert!(
                self.now < limit,
                "nothing is complete after {} s: {self:?}",
                limit / ms(1_000)
            );
            assert!(self.step(), "nothing happens any more: {self:?}");
        }
        self.check();
        self.clients.iter_mut().for_each(Client::check_at_end);
        self.clients.iter().map(|client| client.done_at).max().unwrap_or_default()
    }

    /// Runs up to some time.
    pub fn run_until(&mut self, until: Time) {
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= until) {
            self.step();
        }
        self.now = until;
    }

    fn step(&mut self) -> bool {
        let Some(((at, number), event)) = self.queue.pop_first() else { return false };
        self.now = at;
        self.handle(event);
        if self.check_every != 0 && number % self.check_every == 0 {
            self.check();
        }
        true
    }

    fn check(&self) {
        for client in &self.clients {
            client.schedule.check().unwrap_or_else(|why| panic!("at {} ns: {why}", self.now));
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::ToServer(link, message) => self.at_server(link, message),
            Event::ToClient(link, message) => self.at_client(link, message),
            Event::Sent(node) => {
                self.nodes[node].is_sending = false;
                self.serve(node);
            }
            Event::Resume(link) => self.resume(link),
            Event::Wake(client, number) => {
                if self.clients[client].wakes == number {
                    self.pump(client);
                }
            }
            Event::Connect(client, node) => self.connect(client, node),
            Event::Lost(link) => self.lose(link),
            Event::Gain(node, span) => self.gain(node, span),
            Event::Read(client, span) => {
                self.clients[client].schedule.set_reader(Some(span));
                self.pump(client);
            }
        }
    }

    fn at_client(&mut self, link: usize, message: ToClient) {
        if !self.links[link].is_open {
            return;
        }
        let (client, _, peer) = self.links[link].ends();
        let now = self.instant();
        let is_wrong = matches!(message, ToClient::Block { is_right: false, .. });
        let whole = self.clients[client].receive(peer, message, now, self.now);
        if is_wrong {
            self.nodes[self.links[link].node].is_banned = true;
            self.close(link);
        }
        if let Some(span) = whole {
            let own = self.nodes.iter().position(|node| node.fetches_as == Some(client));
            if let Some(node) = own {
                self.tell_all(node, span);
            }
        }
        self.maybe_lose_a_block(client);
        self.pump(client);
    }

    /// A disk that fails now and then.
    fn maybe_lose_a_block(&mut self, client: usize) {
        let chance = self.clients[client].loses_blocks;
        if chance > 0.0 && self.rng.random_bool(chance) {
            let span = self.rng.random_range(0..self.clients[client].count());
            self.clients[client].lose_one_of(span);
        }
    }

    /// Does what a scheduler says, until it says nothing more.
    pub fn pump(&mut self, client: usize) {
        while let Some(action) =
            self.clients[client].poll(self.origin + Duration::from_nanos(self.now))
        {
            self.act(client, action);
        }
        let own = &mut self.clients[client];
        own.note_done(self.now);
        own.wakes += 1;
        let wakes = own.wakes;
        if let Some(at) = own.schedule.next_wake() {
            let at = at.duration_since(self.origin).as_nanos() as Time;
            assert!(at > self.now, "a scheduler wants to be woken at once: {self:?}");
            self.push(at, Event::Wake(client, wakes));
        }
    }

    fn act(&mut self, client: usize, action: Action) {
        match action {
            Action::Ask { peer, request, span, blocks } => {
                let link = self.clients[client].link(peer);
                self.send_up(link, ToServer::Ask { request, span, blocks });
            }
            Action::Cancel { peer, request } => {
                let link = self.clients[client].link(peer);
                self.send_up(link, ToServer::Cancel(request));
            }
            Action::Drop { peer, .. } => {
                let link = self.clients[client].link(peer);
                let node = self.links[link].node;
                self.close(link);
                if self.nodes[node].loses.is_some() || self.nodes[node].is_reliable {
                    self.push(self.now + ms(2_000), Event::Connect(client, node));
                }
            }
            Action::FindSources => {}
        }
    }

    fn delay(&mut self, link: usize) -> Time {
        let node = &self.nodes[self.links[link].node];
        let (latency, jitter) = (node.latency, node.jitter);
        latency + if jitter > 0 { self.rng.random_range(0..=jitter) } else { 0 }
    }

    fn send_up(&mut self, link: usize, message: ToServer) {
        let at = self.now + self.delay(link);
        let at = at.max(self.links[link].up);
        self.links[link].up = at;
        self.push(at, Event::ToServer(link, message));
    }

    fn send_down(&mut self, link: usize, message: ToClient) {
        let at = self.now + self.delay(link);
        let at = at.max(self.links[link].down);
        self.links[link].down = at;
        self.push(at, Event::ToClient(link, message));
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "at {} ms", self.now / ms(1))?;
        for link in self.links.iter().filter(|link| link.is_open) {
            let view = self.clients[link.client].schedule.peer_view(link.peer);
            writeln!(f, "client {} node {}: {view:?} {:?}", link.client, link.node, link.queue)?;
        }
        for client in &self.clients {
            writeln!(f, "{client:?}")?;
        }
        Ok(())
    }
}
