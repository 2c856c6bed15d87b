//! The invariants, written down.

use super::{
    Schedule,
    peer::{MAX_AHEAD, MAX_CANCELLED, MAX_REQUESTS, Peer, Standing},
    pool::Has,
};

impl Schedule {
    /// Looks at everything, and says what does not hold. For tests: it walks over all spans.
    ///
    /// # Errors
    /// When an invariant is broken.
    pub fn check(&self) -> Result<(), String> {
        self.spans.check()?;
        for (span, active) in self.spans.all_active() {
            for ((peer, number), owned) in &active.owners {
                let request = self.peers.get(peer).and_then(|known| known.requests.get(number));
                let is_right = request.is_some_and(|request| {
                    request.span == span
                        && request.owned == *owned
                        && request.standing == Standing::Owning
                });
                if !is_right {
                    return Err(format!(
                        "{number} to {peer} owns {owned:x} of {span}: {request:?}"
                    ));
                }
            }
            let mut peers: Vec<_> =
                active.owners.iter().map(|((peer, _), owned)| (*peer, *owned)).collect();
            peers.sort_unstable();
            if peers.windows(2).any(|two| two[0].0 == two[1].0 && two[0].1 & two[1].1 != 0) {
                return Err(format!("a peer owns a block of {span} twice: {:?}", active.owners));
            }
        }
        let stalls = self.peers.values().filter_map(Peer::next_stall).min();
        if stalls.is_some_and(|at| at < self.attend_at) {
            return Err("a stall would be overlooked".to_owned());
        }
        for (number, peer) in &self.peers {
            self.check_peer(peer).map_err(|why| format!("peer {number}: {why}"))?;
        }
        self.check_holders()
    }

    fn check_peer(&self, peer: &Peer) -> Result<(), String> {
        let (mut outstanding, mut live) = (0, 0);
        for (number, request) in &peer.requests {
            outstanding += self.spans.bytes(request.span, request.owned);
            live += usize::from(request.standing != Standing::Cancelled);
            let is_right = request.owned & !request.coming == 0
                && request.coming != 0
                && (request.standing == Standing::Owning) == (request.owned != 0);
            let owners = self.spans.active(request.span).map(|active| active.owners.as_slice());
            let is_known = owners.unwrap_or_default().iter().any(|((_, other), _)| other == number);
            if !is_right || is_known != (request.owned != 0) {
                return Err(format!("request {number}: {request:?}"));
            }
        }
        if (outstanding, live) != (peer.outstanding, peer.live) {
            return Err(format!("owes {outstanding} under {live}, kept: {peer:?}"));
        }
        if !peer.is_measured() {
            return Err(format!("not measured: {peer:?}"));
        }
        let is_bounded = outstanding <= MAX_AHEAD
            && live <= MAX_REQUESTS
            && peer.requests.len() - live <= MAX_CANCELLED;
        if is_bounded { Ok(()) } else { Err(format!("beyond a bound: {peer:?}")) }
    }

    fn check_holders(&self) -> Result<(), String> {
        let full = self.peers.values().filter(|peer| matches!(peer.has, Has::All)).count();
        if full != self.spans.pool().full as usize {
            return Err(format!("{full} peers have everything"));
        }
        for span in 0..self.spans.count() {
            let has = |peer: &&Peer| !matches!(peer.has, Has::All) && peer.has.contains(span);
            let holders = self.peers.values().filter(has).count();
            if holders != usize::from(self.spans.pool().holders(span)) {
                return Err(format!("{holders} hold span {span}"));
            }
        }
        Ok(())
    }
}
