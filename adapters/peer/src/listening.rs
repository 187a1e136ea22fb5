//! The called side: hello and proof, then heartbeats out and messages in.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ports::coordinator::Candidate;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, warn};
use types::{Incarnation, MemberName};

use crate::PeerFact;
use crate::conversation::{Common, Conversation, ConversationError, HANDSHAKE_MAX, News};
use crate::frame::FrameError;
use crate::handshake::{Side, check_cluster, hello, is_proven, namesake, nonce, proof, read_hello};
use crate::wire::{Beat, Frame, Refusal};

/// Connections of callers at once; at the bound further ones are closed unread and counted.
pub const INBOUND_MAX: usize = 256;
/// After an accept that failed: the process is out of descriptors, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Accepts callers until the task is dropped, and its callers with it.
pub(crate) async fn listen(listener: TcpListener, common: Common) {
    let mut callers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if callers.len() < INBOUND_MAX => {
                    callers.spawn(serve(stream, common.clone()));
                }
                Ok((_, address)) => {
                    common.count_refused();
                    warn!(%address, "too many callers; a connection was closed");
                }
                Err(error) => {
                    warn!(%error, "a caller could not be accepted; will retry");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = callers.join_next() => (),
        }
    }
}

async fn serve(stream: TcpStream, mut common: Common) {
    let mut conversation = Conversation::new(stream);
    let welcomed = timeout(HANDSHAKE_MAX, welcome(&mut conversation, &common)).await;
    let caller = match welcomed {
        Ok(Ok(caller)) => caller,
        // Hung up before the end: a dial that was replaced, or a port scan.
        Ok(Err(ConversationError::Frame(FrameError::Ended(_)))) => return,
        Ok(Err(error)) => return refuse(&mut conversation, &common, error).await,
        Err(_) => return common.count_refused(),
    };
    common.tell(News::Caller(caller.clone())).await;
    if let Err(error) = converse(&mut conversation, &mut common, &caller).await {
        debug!(%error, member = %caller.member, "a caller's connection ended");
    }
}

async fn welcome(conversation: &mut Conversation, common: &Common) -> Result<Candidate, ConversationError> {
    let Common { config, peer, .. } = common;
    let secret = config.secret.as_ref();
    let theirs = match read_hello(conversation.reader.next().await?) {
        Some(hello) => hello.map_err(ConversationError::RefusedByUs)?,
        None => return Err(ConversationError::Foreign),
    };
    check_cluster(config, &theirs).map_err(ConversationError::RefusedByUs)?;
    let mut ours = hello(config, peer, nonce().map_err(ConversationError::NoNonce)?);
    ours.proof = proof(secret, Side::Called, &theirs, &ours);
    conversation.writer.send(&ours).await?;
    let Ok(Frame::Proof { proof: shown }) = serde_json::from_slice(conversation.reader.next().await?) else {
        return Err(ConversationError::Foreign);
    };
    if !is_proven(secret, Side::Caller, &theirs, &ours, shown.as_deref()) {
        return Err(ConversationError::RefusedByUs(Refusal::Secret));
    }
    if let Some((refusal, fact)) = namesake(config, peer, &theirs) {
        common.tell_all(fact).await;
        return Err(ConversationError::RefusedByUs(refusal));
    }
    let (member, incarnation) = (MemberName(theirs.member), Incarnation(theirs.incarnation));
    Ok(Candidate { member, incarnation, peer: theirs.peer, ticket: 0 })
}

/// Says why, when there is a reason to give; whoever it was, it is counted.
async fn refuse(conversation: &mut Conversation, common: &Common, error: ConversationError) {
    common.count_refused();
    let refused = common.refused.load(Ordering::Relaxed);
    warn!(%error, refused, "a caller was refused");
    if let ConversationError::RefusedByUs(refusal) = error {
        // It may be gone already.
        let _ = conversation.writer.send(&Frame::Refusal(refusal)).await;
    }
}

async fn converse(
    conversation: &mut Conversation,
    common: &mut Common,
    caller: &Candidate,
) -> Result<(), ConversationError> {
    let mut beats = interval(common.config.heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            frame = conversation.reader.next() => {
                let message = serde_json::from_slice(frame?).ok().and_then(Frame::into_message);
                let message = message.ok_or(ConversationError::Foreign)?;
                let (from, incarnation) = (caller.member.clone(), caller.incarnation);
                common.tell(News::Fact(PeerFact::Message { from, incarnation, message })).await;
            }
            _ = beats.tick() => beat(conversation, common).await?,
            // A change that others wait for goes at once; the sender lives as long as this task.
            Ok(()) = common.status.changed() => beat(conversation, common).await?,
        }
    }
}

async fn beat(conversation: &mut Conversation, common: &mut Common) -> Result<(), ConversationError> {
    let beat = Beat::from(&*common.status.borrow_and_update());
    conversation.writer.send(&Frame::Beat(beat)).await
}
