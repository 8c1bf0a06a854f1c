//! Readers with a buffer.

use std::{io::ErrorKind, str::Utf8Error, string::FromUtf8Error};

use super::pieces::{
    Script,
    Step::{Fail, Give, Wait},
    block_on, drop_after, kind, readers,
};
use crate::io::AsyncBufReadExt;

#[test]
fn fill_buf_gives_what_is_there() {
    let mut reader = Script::new([Wait, Give(b"abc"), Fail(ErrorKind::Interrupted), Wait, Give(b"d")]);
    drop_after(1, reader.fill_buf());
    assert_eq!(block_on(reader.fill_buf()).unwrap(), b"abc");
    reader.consume(1);
    assert_eq!(block_on(reader.fill_buf()).unwrap(), b"bc");
    reader.consume(2);
    assert_eq!(kind(block_on(reader.fill_buf())), ErrorKind::Interrupted);
    assert_eq!(block_on(reader.fill_buf()).unwrap(), b"d");
    reader.consume(1);
    assert_eq!(block_on(reader.fill_buf()).unwrap(), b"");
}

#[test]
fn read_until_takes_the_delimiter_too() {
    for mut reader in readers(b"one,,three") {
        let mut bytes = b",".to_vec();
        for (count, expected) in [(4, &b",one,"[..]), (1, b",one,,"), (5, b",one,,three"), (0, b",one,,three")] {
            assert_eq!(block_on(reader.read_until(b',', &mut bytes)).unwrap(), count);
            assert_eq!(bytes, expected);
        }
    }
    let mut reader = Script::new([Give(b"ab"), Wait, Give(b"cd"), Fail(ErrorKind::Other), Give(b"e,f")]);
    let mut bytes = Vec::new();
    drop_after(1, reader.read_until(b',', &mut bytes));
    assert_eq!(bytes, b"ab", "a dropped call leaves what it read");
    assert_eq!(kind(block_on(reader.read_until(b',', &mut bytes))), ErrorKind::Other);
    assert_eq!(bytes, b"abcd", "a failed one too");
    assert_eq!(block_on(reader.read_until(b',', &mut bytes)).unwrap(), 2);
    assert_eq!(bytes, b"abcde,");
}

#[test]
fn read_line_takes_the_end_of_line_too() {
    for mut reader in readers("äh\r\n\nmöre".as_bytes()) {
        let mut text = "start ".to_owned();
        for (count, expected) in [(5, "start äh\r\n"), (1, "start äh\r\n\n"), (5, "start äh\r\n\nmöre")] {
            assert_eq!(block_on(reader.read_line(&mut text)).unwrap(), count);
            assert_eq!(text, expected);
        }
        assert_eq!(block_on(reader.read_line(&mut text)).unwrap(), 0);
    }
}

#[test]
fn a_line_that_is_no_text_leaves_the_string() {
    for mut reader in readers(b"a\xffb\nnext") {
        let mut text = "start".to_owned();
        let error = block_on(reader.read_line(&mut text)).unwrap_err();
        assert_eq!((error.kind(), &text[..]), (ErrorKind::InvalidData, "start"));
        assert_eq!(error.into_inner().unwrap().downcast::<Utf8Error>().unwrap().valid_up_to(), 1);
        assert_eq!(block_on(reader.read_line(&mut text)).unwrap(), 4);
        assert_eq!(text, "startnext", "the line is gone");
    }
    // What an error cuts off stays if it is text.
    for (given, expected) in [(&b"fine"[..], "startfine"), (b"\xe4\xb8", "start")] {
        let mut text = "start".to_owned();
        let mut reader = Script::new([Give(given), Fail(ErrorKind::Other)]);
        assert_eq!(kind(block_on(reader.read_line(&mut text))), ErrorKind::Other);
        assert_eq!(text, expected);
    }
    let mut text = "start".to_owned();
    let mut reader = Script::new([Give(b"lost"), Wait, Give(b"next")]);
    drop_after(1, reader.read_line(&mut text));
    assert_eq!(text, "start");
    block_on(reader.read_line(&mut text)).unwrap();
    assert_eq!(text, "startnext");
}

#[test]
fn lines_have_no_ends() {
    for reader in readers("one\r\n\nthrée\n\r".as_bytes()) {
        let mut lines = reader.lines();
        for expected in [Some("one"), Some(""), Some("thrée"), Some("\r"), None, None] {
            assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), expected);
        }
    }
    for reader in readers(b"a\xff\nb") {
        let mut lines = reader.lines();
        let error = block_on(lines.next_line()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.into_inner().unwrap().downcast::<FromUtf8Error>().unwrap().as_bytes(), b"a\xff");
        assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), Some("b"), "the next line is not lost");
    }
}

#[test]
fn lines_and_segments_survive_a_drop_and_an_error() {
    let steps = [Give(&b"ab"[..]), Wait, Give(b"c"), Fail(ErrorKind::Other), Give(b"d\n"), Give(b"e")];
    let mut lines = Script::new(steps).lines();
    drop_after(1, lines.next_line());
    assert_eq!(kind(block_on(lines.next_line())), ErrorKind::Other);
    assert_eq!(block_on(lines.next_line()).unwrap().as_deref(), Some("abcd"));
    assert_eq!(lines.get_ref().flushes, 0);
    block_on(lines.get_mut().fill_buf()).unwrap();
    assert_eq!(block_on(lines.into_inner().fill_buf()).unwrap(), b"e");

    let mut segments = Script::new(steps).split(b'\n');
    drop_after(1, segments.next_segment());
    assert_eq!(kind(block_on(segments.next_segment())), ErrorKind::Other);
    assert_eq!(block_on(segments.next_segment()).unwrap().as_deref(), Some(&b"abcd"[..]));
}

#[test]
fn segments_have_no_delimiters() {
    for reader in readers(b",one,,\xff,") {
        let mut segments = reader.split(b',');
        for expected in [Some(&b""[..]), Some(b"one"), Some(b""), Some(b"\xff"), None, None] {
            assert_eq!(block_on(segments.next_segment()).unwrap().as_deref(), expected);
        }
    }
}
