use std::io;

use super::*;

fn written(write: impl FnOnce(&mut Reply<'_>)) -> Vec<u8> {
    let mut bytes = vec![0xaa; 512];
    let mut reply = Reply::new(&mut bytes);
    write(&mut reply);
    let len = reply.len();
    bytes.truncate(len);
    bytes
}

#[test]
fn structures_have_the_kernels_sizes() {
    let stat = rustix::fs::stat("/").unwrap();
    let validity = Validity(std::time::Duration::from_millis(1500));
    let entry = written(|reply| put_entry(reply, 7, &stat, validity));
    assert_eq!(entry.len(), 128);
    assert_eq!((entry[0], entry[16], entry[24]), (7, 1, 1));
    assert_eq!(entry[32..36], 500_000_000_u32.to_ne_bytes());
    assert_eq!(entry[40..48], stat.st_ino.to_ne_bytes());
    assert_eq!(entry[100..104], stat.st_mode.to_ne_bytes());
    assert_eq!(written(|reply| put_attributes(reply, &stat, validity)).len(), 104);
    assert_eq!(written(put_no_entry), [0; ENTRY]);
}

#[test]
fn the_reply_to_init_takes_what_is_offered_and_wanted() {
    let mut offer = Vec::new();
    for word in [7, 45, 131_072, u32::MAX, 1 << 9 | 1 << 2] {
        offer.extend(u32::to_ne_bytes(word));
    }
    offer.resize(64, 0);
    let init = Init::decode(&offer).unwrap();
    assert!(init.offers_rings());
    for (rings, high) in [(true, 1_u32 << 9), (false, 0)] {
        let reply = written(|reply| init.reply(reply, rings));
        assert_eq!(reply.len(), 64);
        assert_eq!(reply[4..8], 42_u32.to_ne_bytes());
        assert_eq!(reply[12..16], 0x4044_f021_u32.to_ne_bytes());
        assert_eq!(reply[32..36], high.to_ne_bytes());
    }
    assert!(Init::decode(&offer[..12]).is_err());
    offer[0] = 8;
    assert!(Init::decode(&offer).is_err());
}

#[test]
fn an_error_without_a_number_is_eio() {
    let other = io::Error::other("no number");
    let (bytes, len) = reply_header(9, &Err(other));
    assert_eq!((&bytes[..8], len), (&[16, 0, 0, 0, 0xfb, 0xff, 0xff, 0xff][..], 0));
    let (bytes, len) = reply_header(9, &Ok(5));
    assert_eq!((bytes[0], bytes[4], bytes[8], len), (21, 0, 9, 5));
}

#[test]
fn names_end_with_a_nul() {
    let (first, rest) = names(b"one\0two\0").unwrap();
    assert_eq!((first.as_encoded_bytes(), name(rest).unwrap().as_encoded_bytes()), (&b"one"[..], &b"two"[..]));
    assert!(name(b"none").is_err());
}
