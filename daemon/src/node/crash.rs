//! A panic ends the process: a replica that has lost one of its threads is neither dead nor alive, and its peers can only
//! replace a dead one.

/// The engine's thread. Its panic comes from the input, so a restarted process would meet it again: the replica stays up as
/// Blocked and says why.
pub(crate) const ENGINE_THREAD: &str = "engine";

/// From here on, a panic on any thread but the engine's is printed and then aborts the process; a supervisor starts it again.
pub(crate) fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        if std::thread::current().name() != Some(ENGINE_THREAD) {
            std::process::abort();
        }
    }));
}
