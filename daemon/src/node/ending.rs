//! Why the hot thread ended, told to the control loop.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::Sender;
use ports::input::InputError;

use super::topic_ids::TopicIds;
use super::wake::Wake;

/// Whom to tell, and who knows more about a failed input.
pub(super) struct Ending {
    pub(super) topic_ids: Arc<TopicIds>,
    pub(super) wakes: Sender<Wake>,
}

impl Ending {
    /// Tells it; nobody may listen any more.
    pub(super) fn tell(&self, ended: thread::Result<Result<(), InputError>>) {
        // A log that was made anew looks too short, or damaged: its cause is said first, and the first block stays.
        if matches!(ended, Ok(Err(_)))
            && let Some(replaced) = self.topic_ids.replaced()
        {
            let _ = self.wakes.send(Wake::TopicReplaced(replaced));
        }
        let _ = self.wakes.send(ended.map_or(Wake::HotPanicked, Wake::HotEnded));
    }
}
