//! Effects on their way to the driver, and the numbers that tie answers to questions.

use std::collections::VecDeque;
use std::time::Duration;

use ports::coordinator::HostPort;
use ports::output::OutputFact;

use crate::link::{Effect, LinkId, RequestTag};
use crate::wire::Request;

/// Effects on their way to the driver.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    effects: VecDeque<Effect>,
    links: u32,
    tags: u64,
}

impl Outbox {
    pub(super) fn open(&mut self, broker: HostPort) -> LinkId {
        self.links = self.links.wrapping_add(1);
        let link = LinkId(self.links);
        self.effects.push_back(Effect::Open { link, broker });
        link
    }

    pub(super) fn request(&mut self, link: LinkId, request: Request, timeout: Duration) -> RequestTag {
        self.tags += 1;
        let tag = RequestTag(self.tags);
        self.effects.push_back(Effect::Request { link, tag, request, timeout });
        tag
    }

    /// Closes a link; what the driver hasn't seen of it yet is never sent.
    pub(super) fn shut(&mut self, link: LinkId) {
        self.effects.retain(|effect| match effect {
            Effect::Request { link: other, .. } => *other != link,
            Effect::Open { .. } | Effect::Shut { .. } | Effect::Fact(_) => true,
        });
        self.effects.push_back(Effect::Shut { link });
    }

    pub(super) fn fact(&mut self, fact: OutputFact) {
        self.effects.push_back(Effect::Fact(fact));
    }

    pub(super) fn pop(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }
}
