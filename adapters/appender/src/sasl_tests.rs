use super::*;

fn account(mechanism: SaslMechanism) -> Sasl {
    Sasl { mechanism, username: "user".into(), password: Secret::new("pencil".into()) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The example of RFC 7677, section 3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const CHALLENGE: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const PROOF: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SIGNATURE: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn challenged() -> Exchange {
    let (mut exchange, _) = Exchange::begin(&account(SaslMechanism::ScramSha256), Nonce(NONCE.into()));
    exchange.on_message(CHALLENGE).unwrap();
    exchange
}

#[test]
fn scram_sha_256_speaks_as_in_rfc_7677() {
    let (mut exchange, first) = Exchange::begin(&account(SaslMechanism::ScramSha256), Nonce(NONCE.into()));
    assert_eq!(text(&first), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let Ok(Step::Reply(proof)) = exchange.on_message(CHALLENGE) else { panic!("no proof") };
    assert_eq!(text(&proof), PROOF);
    assert_eq!(exchange.on_message(SIGNATURE), Ok(Step::Done));
}

#[test]
fn scram_sha_512_is_understood_by_a_server_that_holds_only_the_stored_keys() {
    let (mut exchange, first) = Exchange::begin(&account(SaslMechanism::ScramSha512), Nonce("abc".into()));
    let (salt, rounds) = (b"salt and pepper".as_slice(), 4_096);
    let challenge = format!("r=abcdef,s={},i={rounds}", BASE64.encode(salt));
    let Ok(Step::Reply(reply)) = exchange.on_message(challenge.as_bytes()) else { panic!("no proof") };
    let reply = text(&reply);
    let (without_proof, proof) = reply.rsplit_once(",p=").unwrap();
    // A server keeps H(client key) and the server key, and gets the client key back out of the proof.
    let salted = Hash::Sha512.stretch(b"pencil", salt, rounds);
    let stored = Hash::Sha512.digest(&Hash::Sha512.mac(&salted, b"Client Key"));
    let signed = format!("{},{challenge},{without_proof}", text(&first[3..]));
    let signature = Hash::Sha512.mac(&stored, signed.as_bytes());
    let key: Vec<u8> = BASE64.decode(proof).unwrap().iter().zip(&signature).map(|(a, b)| a ^ b).collect();
    assert_eq!(Hash::Sha512.digest(&key), stored);
    let owed = Hash::Sha512.mac(&Hash::Sha512.mac(&salted, b"Server Key"), signed.as_bytes());
    assert_eq!(exchange.on_message(format!("v={}", BASE64.encode(owed)).as_bytes()), Ok(Step::Done));
}

#[test]
fn plain_says_name_and_password_between_zeros() {
    let (mut exchange, first) = Exchange::begin(&account(SaslMechanism::Plain), Nonce(String::new()));
    assert_eq!(first, b"\0user\0pencil");
    assert_eq!(exchange.on_message(b""), Ok(Step::Done));
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let forged = format!("v={}", BASE64.encode([7; 32]));
    assert_eq!(challenged().on_message(forged.as_bytes()), Err(Refusal::ServerSignature));
    assert_eq!(challenged().on_message(b"v="), Err(Refusal::ServerSignature));
    assert_eq!(challenged().on_message(b""), Err(Refusal::Malformed("signature")));
}

#[test]
fn the_server_s_own_error_is_passed_on() {
    assert_eq!(challenged().on_message(b"e=invalid-proof"), Err(Refusal::Server("invalid-proof".into())));
}

#[test]
fn challenges_that_weaken_the_exchange_are_refused() {
    let refusal = |challenge: &str| {
        let (mut exchange, _) = Exchange::begin(&account(SaslMechanism::ScramSha256), Nonce("abc".into()));
        exchange.on_message(challenge.as_bytes()).unwrap_err()
    };
    assert_eq!(refusal("r=xyz,s=AAAA,i=4096"), Refusal::ForeignNonce);
    assert_eq!(refusal("r=abcd,s=AAAA,i=1"), Refusal::Rounds(1));
    assert_eq!(refusal("r=abcd,s=AAAA,i=4000000000"), Refusal::Rounds(4_000_000_000));
    assert_eq!(refusal("r=abcd,s=?,i=4096"), Refusal::Malformed("salt"));
    assert_eq!(refusal("r=abcd,s=AAAA"), Refusal::Malformed("number of rounds"));
    assert_eq!(refusal(""), Refusal::Malformed("nonce"));
}

#[test]
fn nothing_may_follow_the_end() {
    let mut exchange = challenged();
    exchange.on_message(SIGNATURE).unwrap();
    assert_eq!(exchange.on_message(SIGNATURE), Err(Refusal::Surplus));
}

#[test]
fn commas_and_equal_signs_in_names_are_escaped() {
    let sasl = Sasl { username: "a=b,c".into(), ..account(SaslMechanism::ScramSha256) };
    let (_, first) = Exchange::begin(&sasl, Nonce("n".into()));
    assert_eq!(text(&first), "n,,n=a=3Db=2Cc,r=n");
}

#[test]
fn an_exchange_shows_no_secret() {
    let (exchange, _) = Exchange::begin(&account(SaslMechanism::ScramSha256), Nonce("n".into()));
    assert!(!format!("{exchange:?}{:?}", account(SaslMechanism::Plain)).contains("pencil"));
}
