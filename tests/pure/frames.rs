//! Frames as they come and go on the wire, in whatever parts.

use std::io::{ErrorKind, IoSlice};

use bytes::Bytes;
use nineflags::session::frames::{BadFrame, FRAME_MAX, Heard, Incoming, Outgoing};

/// A frame as browsers send it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let length = u8::try_from(payload.len()).expect("short");
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | length].into_iter().chain(mask).chain(masked).collect()
}

/// What is heard of some bytes, whatever parts they come in.
fn heard(bytes: &[u8]) -> Vec<Result<Heard, BadFrame>> {
    let at_once = |part: usize| {
        let mut incoming = Incoming::default();
        let mut heard = Vec::new();
        for part in bytes.chunks(part) {
            incoming.extend(part);
            while let Some(next) = incoming.take().transpose() {
                heard.push(next.clone());
                if next.is_err() {
                    return heard;
                }
            }
        }
        assert!(incoming.is_empty(), "nothing is kept");
        heard
    };
    let whole = at_once(bytes.len().max(1));
    assert_eq!(whole, at_once(1));
    assert_eq!(whole, at_once(7));
    whole
}

fn text(words: &str) -> Heard {
    Heard::Text(words.into())
}

#[test]
fn messages_are_heard_whole_whatever_parts_they_come_in() {
    let all = [
        masked(0x81, b"one"),
        masked(0x01, b"t"),
        masked(0x89, b"?"),
        masked(0x00, b"w"),
        masked(0x80, b"o"),
        masked(0x8a, b""),
        masked(0x88, &[3, 232]),
    ];
    let ping = Heard::Ping(Bytes::from_static(b"?"));
    let close = Heard::Close(Bytes::from_static(&[3, 232]));
    assert_eq!(heard(&all.concat()), [text("one"), ping, text("two"), Heard::Pong, close].map(Ok));
}

#[test]
fn what_no_browser_may_send_is_refused() {
    let long = [&[0x81, 0xff][..], &(FRAME_MAX as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    let endless: Vec<u8> = [masked(0x01, b"")]
        .into_iter()
        .chain(std::iter::repeat_with(|| masked(0x00, &[b'.'; 125])).take(FRAME_MAX / 125 + 1))
        .flatten()
        .collect();
    for bad in [
        vec![0x81, 0x01, b'a'],
        masked(0xc1, b"reserved bit"),
        masked(0x82, b"binary"),
        masked(0x83, b"unknown"),
        masked(0x80, b"goes on with nothing"),
        [masked(0x01, b"begun"), masked(0x81, b"another")].concat(),
        masked(0x09, b"a ping in parts"),
        masked(0x88, &[3]),
        masked(0x88, &[3, 232, 0xff]),
        masked(0x81, &[0xff]),
        [&[0x89, 0xfe, 0, 126][..], &[0; 130]].concat(),
        long,
        endless,
    ] {
        assert_eq!(heard(&bad), [Err(BadFrame)], "{bad:?}");
    }
}

#[test]
fn frames_are_written_whole_whatever_the_system_takes() {
    let texts = ["", "short", &"longer ".repeat(40), &"long ".repeat(20_000)];
    for most in [1, 3, 1_000, usize::MAX] {
        let mut outgoing = Outgoing::default();
        outgoing.ping();
        for text in texts {
            outgoing.text(text.into());
        }
        let (mut wire, mut done, mut turn) = (Vec::<u8>::new(), Vec::new(), 0);
        let mut write = |parts: &[IoSlice<'_>]| {
            turn += 1;
            if turn % 5 == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let before = wire.len();
            wire.extend(parts.iter().flat_map(|part| part.iter()).take(most));
            Ok(wire.len() - before)
        };
        while outgoing.write(&mut write, |bytes| done.push(bytes)).is_err() {}
        assert_eq!(done, texts.map(str::len));
        let wanted = texts.iter().fold(vec![0x89, 0], |wire, text| {
            let length = text.len();
            let length = match length {
                0..126 => vec![u8::try_from(length).expect("short")],
                126..65_536 => [&[126], &u16::try_from(length).expect("longer").to_be_bytes()[..]].concat(),
                _ => [&[127], &(length as u64).to_be_bytes()[..]].concat(),
            };
            [wire, vec![0x81], length, text.as_bytes().to_vec()].concat()
        });
        assert!(wire == wanted, "{most} bytes at a time");
    }
}

#[test]
fn a_frame_that_was_begun_is_ended_before_the_goodbye() {
    let mut outgoing = Outgoing::default();
    outgoing.text("begun".into());
    outgoing.text("dropped".into());
    let mut wire = Vec::<u8>::new();
    let mut rooms = [3, 0, 100].into_iter();
    let mut write = |parts: &[IoSlice<'_>]| {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter()).copied().collect();
        let taken = rooms.next().unwrap_or(0).min(bytes.len());
        wire.extend(&bytes[..taken]);
        Ok(taken)
    };
    assert!(outgoing.write(&mut write, |_| {}).is_err(), "there is no room");
    outgoing.close(Bytes::from_static(&[3, 232]));
    outgoing.close(Bytes::from_static(&[3, 233]));
    outgoing.write(&mut write, |_| {}).expect("there is room");
    assert_eq!(wire, [&[0x81, 5][..], b"begun", &[0x88, 2, 3, 232]].concat());
}
