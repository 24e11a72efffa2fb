//! Which steps a step waits for, directly or not, as the finished plan's edges say.
//!
//! Takes the order of a plan; answers in constant time for steps that are near each other or joined by an edge,
//! which are those that a plan's memory relies on. Any other pair is searched for, so the answer is always exact.

use super::super::Order;

/// Words of 64 steps, a bit each, for which it is kept what a step waits for.
const WORDS: usize = 16;

/// What each step waits for.
pub(super) struct Waits<'p> {
    order: &'p Order,
    /// By step, a bit for each of the steps before it in the last [`WORDS`] words, where the word of step `s` is
    /// `s / 64 % WORDS`; nothing for a plan whose steps run in order.
    near: Vec<[u64; WORDS]>,
}

impl<'p> Waits<'p> {
    /// Reads the edges, each of which must lead to a later step.
    pub(super) fn of(order: &'p Order) -> Result<Self, String> {
        let steps = if order.inline { 0 } else { order.successors.len() };
        let mut near = vec![[0; WORDS]; steps];
        for (earlier, successors) in order.successors.iter().enumerate().take(steps) {
            for &later in successors {
                let later = later as usize;
                if later <= earlier || later >= steps {
                    return Err(format!("step {later} waits for step {earlier}, which is not before it"));
                }
                let before = near[earlier];
                let words = (later / 64 + 1).saturating_sub(WORDS)..=earlier / 64;
                for word in words.map(|word| word % WORDS) {
                    near[later][word] |= before[word];
                }
                if later / 64 - earlier / 64 < WORDS {
                    near[later][earlier / 64 % WORDS] |= 1 << (earlier % 64);
                }
            }
        }
        Ok(Waits { order, near })
    }

    /// Whether `later` waits for `earlier`.
    pub(super) fn is_after(&self, later: usize, earlier: usize) -> bool {
        if later <= earlier || self.order.inline {
            return earlier < later;
        }
        if later / 64 - earlier / 64 < WORDS {
            return self.near[later][earlier / 64 % WORDS] >> (earlier % 64) & 1 == 1;
        }
        // Edges are entered step by step, so that those from one step ascend.
        self.order.successors[earlier].binary_search(&(later as u32)).is_ok()
            || self.is_reached(later, earlier)
    }

    /// The same, by following the edges.
    fn is_reached(&self, later: usize, earlier: usize) -> bool {
        let mut open = vec![earlier as u32];
        let mut seen = vec![false; later - earlier];
        while let Some(step) = open.pop() {
            for &next in &self.order.successors[step as usize] {
                let next = next as usize;
                if next == later {
                    return true;
                }
                if next < later && !std::mem::replace(&mut seen[next - earlier], true) {
                    open.push(next as u32);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_answered_as_a_search_does() {
        let steps: usize = 64 * (WORDS + 4);
        let mut successors = vec![Vec::new(); steps];
        for step in 1..steps {
            // A third waits for none; the others for one near and one far.
            for back in [step * 7 % 90 + 1, 64 * WORDS + step % 50].into_iter().filter(|_| step % 3 > 0) {
                if let Some(earlier) = step.checked_sub(back) {
                    successors[earlier].push(step as u32);
                }
            }
        }
        let order = Order { inline: false, successors, waits_for: Vec::new() };
        let waits = Waits::of(&order).unwrap();
        for later in (0..steps).step_by(7) {
            for earlier in (0..steps).step_by(5) {
                let reached = earlier < later && waits.is_reached(later, earlier);
                assert_eq!(waits.is_after(later, earlier), reached, "{later} for {earlier}");
            }
        }
    }

    #[test]
    fn an_edge_backwards_is_refused() {
        let order = Order { inline: false, successors: vec![vec![1], vec![0]], waits_for: vec![1, 1] };
        assert!(Waits::of(&order).is_err());
    }
}
