//! Where a snapshot's slices go, and the thread that puts them on disk, so that the engine's never waits for one.

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tracing::{info, warn};
use types::Offset;

use super::Bounds;
use super::report::Report;
use super::shelf::{Draft, Shelf};

/// Slices on their way to the disk; at the bound the next slice waits, and the engine goes on without.
const SLICES_MAX: usize = 4;

/// The engine's end of whoever keeps snapshots.
pub trait Desk: Send {
    /// Whether an order would be taken now.
    fn has_room(&self) -> bool;

    /// False when there was no room; the order is lost then.
    fn order(&self, order: Order) -> bool;
}

/// What the engine's thread tells the desk.
#[derive(Debug)]
pub enum Order {
    /// A snapshot begins.
    Begin {
        /// Where input goes on after it.
        next: Offset,
    },
    /// More of it.
    Bytes(Vec<u8>),
    /// It is whole, and its outputs are in the log.
    Seal,
    /// It is not wanted any more.
    GiveUp,
}

/// The desk at the shelf of a disk.
#[derive(Debug)]
struct ShelfDesk {
    orders: Sender<Order>,
}

/// A desk at a shelf, with a thread of its own.
///
/// # Errors
/// The thread can't be started.
pub(crate) fn desk_at(shelf: Shelf, bounds: &Bounds, report: &Arc<Report>) -> io::Result<Box<dyn Desk>> {
    Ok(Box::new(ShelfDesk::start(shelf, bounds.size_max, Arc::clone(report))?))
}

impl ShelfDesk {
    fn start(shelf: Shelf, size_max: u64, report: Arc<Report>) -> io::Result<Self> {
        let (orders, received) = crossbeam_channel::bounded(SLICES_MAX);
        thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || Work { shelf, size_max, report, draft: None }.run(&received))?;
        Ok(Self { orders })
    }
}

impl Desk for ShelfDesk {
    fn has_room(&self) -> bool {
        !self.orders.is_full()
    }

    fn order(&self, order: Order) -> bool {
        match self.orders.try_send(order) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

struct Work {
    shelf: Shelf,
    size_max: u64,
    report: Arc<Report>,
    draft: Option<Draft>,
}

impl Work {
    fn run(mut self, orders: &Receiver<Order>) {
        if let Err(error) = self.shelf.remove_older_generations() {
            warn!(%error, folder = %self.shelf.folder().display(), "snapshots of older generations were not removed");
        }
        for order in orders {
            if let Err(error) = self.carry_out(order) {
                self.draft = None;
                self.report.given_up();
                warn!(%error, folder = %self.shelf.folder().display(), "a snapshot was not kept");
            }
        }
    }

    fn carry_out(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Begin { next } => self.draft = Some(self.shelf.begin(next)?),
            // Without a draft the disk has refused before: the rest of that snapshot is dropped.
            Order::Bytes(bytes) => {
                if let Some(draft) = &mut self.draft {
                    draft.write(&bytes, self.size_max)?;
                }
            }
            Order::Seal => {
                if let Some(draft) = self.draft.take() {
                    let next = draft.next();
                    let bytes = self.shelf.seal(draft)?;
                    self.report.taken(next, bytes);
                    info!(offset = %next, bytes, "snapshot kept");
                }
            }
            Order::GiveUp => {
                if self.draft.take().is_some() {
                    self.report.given_up();
                }
            }
        }
        Ok(())
    }
}
