//! Files come out of a layer, by way of its zTOC, as they went in; and what is wrong with a zTOC or a layer is found.

mod support;

use soci_testkit::{content, dialects, gzip, tar::Archive};
use soci_ztoc::{
    CheckpointFault, FileReader, FindError, LayerVerifier, Limits, ReadError, SpanTable,
    VerifyError, Ztoc,
};
use support::{options, read, ztoc};

fn verify(ztoc: &Ztoc, layer: &[u8], piece_bytes: usize) -> Result<(), VerifyError> {
    let mut verifier = LayerVerifier::new(ztoc, &Limits::default());
    for piece in layer.chunks(piece_bytes) {
        verifier.push(piece)?;
    }
    verifier.finish().map(|_| ())
}

#[test]
fn every_file_of_every_dialect_reads_back() {
    for sample in dialects::samples(120_000) {
        let flushed = gzip::compress_flushing(&sample.tar, 6, 5_000, gzip::Flush::Sync);
        for layer in [sample.tar.clone(), gzip::compress(&sample.tar, 9), flushed] {
            for span in [100, 10_007, 1 << 22] {
                let ztoc = ztoc(&layer, &options(span, false));
                for (path, content) in &sample.files {
                    assert_eq!(
                        &read(&ztoc, &layer, path),
                        content,
                        "{}, spans of {span}",
                        sample.name
                    );
                }
                for piece_bytes in [1_000, usize::MAX] {
                    assert_eq!(
                        verify(&ztoc, &layer, piece_bytes),
                        Ok(()),
                        "{}",
                        sample.name
                    );
                }
            }
        }
    }
}

#[test]
fn decoding_gives_back_what_was_encoded() {
    for sample in dialects::samples(50_000) {
        for layer in [sample.tar.clone(), gzip::compress(&sample.tar, 6)] {
            let original = ztoc(&layer, &options(9_999, false));
            let bytes = original.clone().encode().expect("small").to_vec();
            let decoded = Ztoc::decode(&bytes, &Limits::default()).expect("our own zTOC");
            assert_eq!(decoded, original, "{}", sample.name);
            assert_eq!(decoded.encode().expect("small").to_vec(), bytes);
        }
    }
}

fn some_layer() -> (Vec<u8>, Vec<u8>) {
    let content = content::mixed(3, 200_000);
    let archive = Archive::new()
        .dir("dir/")
        .file("./dir/file", b"first")
        .file("dir/file", &content)
        .file("empty", b"")
        .hardlink("again", "dir/./file")
        .symlink("sym", "dir/file")
        .finish();
    (
        gzip::compress_flushing(&archive, 6, 7_000, gzip::Flush::Full),
        content,
    )
}

#[test]
fn paths_are_found_as_consumers_find_them() {
    let (layer, content) = some_layer();
    let ztoc = ztoc(&layer, &options(30_000, false));
    for path in [
        &b"dir/file"[..],
        b"/dir/file",
        b"./dir//file",
        b"x/../dir/file",
        b"again",
    ] {
        assert_eq!(read(&ztoc, &layer, path), content);
    }
    assert_eq!(read(&ztoc, &layer, b"empty"), b"");
    let not_found = |path: &[u8]| ztoc.find(path).expect_err("no file").to_string();
    assert_eq!(not_found(b"dir"), "not a regular file but of type dir");
    assert_eq!(
        not_found(b"sym"),
        "a symbolic link to \"dir/file\"; ask for its target"
    );
    assert_eq!(ztoc.find(b"other"), Err(FindError::NotFound));
}

#[test]
fn reading_decodes_only_the_spans_that_hold_the_file() {
    let (layer, _) = some_layer();
    let ztoc = ztoc(&layer, &options(30_000, false));
    let file = ztoc.find(b"dir/file").expect("the file");
    let spans = ztoc.spans_of(file.data());
    assert!(spans.len() > 3 && spans.len() <= ztoc.spans.len());
    let mut reader = FileReader::new(&ztoc, file, &Limits::default()).expect("a reader");
    let mut seen = Vec::new();
    while let Some(span) = reader.next_span() {
        seen.push(span.index);
        let bytes = &layer[span.compressed.start as usize..span.compressed.end as usize];
        reader.open_span(bytes).expect("the span's bytes");
    }
    assert_eq!(seen, spans.collect::<Vec<_>>());
}

#[test]
fn bytes_of_another_layer_are_refused() {
    let (layer, _) = some_layer();
    let ztoc = ztoc(&layer, &options(30_000, false));
    let file = ztoc.find(b"dir/file").expect("the file");
    let mut reader = FileReader::new(&ztoc, file, &Limits::default()).expect("a reader");
    let span = reader.next_span().expect("a span");
    let mut bytes = layer[span.compressed.start as usize..span.compressed.end as usize].to_vec();
    bytes[100] ^= 1;
    let refused = reader.open_span(&bytes).map(|_| ());
    assert!(
        matches!(refused, Err(ReadError::SpanDigest { span: 0, .. })),
        "{refused:?}"
    );
    let refused = reader.open_span(&bytes[1..]).map(|_| ());
    assert!(
        matches!(refused, Err(ReadError::SpanSize { span: 0, .. })),
        "{refused:?}"
    );
}

/// Encodes, lets `damage` change the bytes, decodes without checks.
fn damaged(ztoc: &Ztoc, damage: impl FnOnce(&mut Vec<u8>)) -> Ztoc {
    let mut bytes = ztoc.clone().encode().expect("small").to_vec();
    damage(&mut bytes);
    Ztoc::decode_unchecked(&bytes, &Limits::default()).expect("still a zTOC")
}

/// Where the window of a checkpoint stands in the encoded zTOC: behind its offsets and bits.
fn window_place(bytes: &[u8], ztoc: &Ztoc, index: usize) -> usize {
    let SpanTable::Gzip(checkpoints) = &ztoc.spans else {
        panic!("not gzip")
    };
    let checkpoint = checkpoints.get(index);
    let mut packed = checkpoint.compressed_offset.to_le_bytes().to_vec();
    packed.extend(checkpoint.uncompressed_offset.to_le_bytes());
    packed.push(checkpoint.bits);
    let place = bytes
        .windows(packed.len())
        .position(|found| found == packed);
    place.expect("the checkpoint") + packed.len()
}

#[test]
fn a_damaged_window_is_found_and_nothing_else_finds_it() {
    let (layer, _) = some_layer_with_long_matches();
    let good = ztoc(&layer, &options(30_000, false));
    assert_eq!(verify(&good, &layer, 4_096), Ok(()));
    let bad = damaged(&good, |bytes| {
        let place = window_place(bytes, &good, 2);
        bytes[place..place + 30_000]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x55);
    });
    assert_eq!(bad.check_structure(), Ok(()));
    assert_eq!(
        verify(&bad, &layer, 4_096),
        Err(VerifyError::Checkpoint {
            span: 2,
            fault: CheckpointFault::Window
        })
    );
}

/// Repeats itself every 30,000 bytes, so every span copies from its window.
fn some_layer_with_long_matches() -> (Vec<u8>, Vec<u8>) {
    let content = content::random(9, 30_000).repeat(8);
    let archive = Archive::new().file("file", &content).finish();
    (
        gzip::compress_flushing(&archive, 6, 9_000, gzip::Flush::Sync),
        content,
    )
}

#[test]
fn other_damage_is_named() {
    let (layer, _) = some_layer();
    let good = ztoc(&layer, &options(30_000, false));
    let changed = |change: fn(&mut Ztoc)| {
        let mut ztoc = good.clone();
        change(&mut ztoc);
        verify(&ztoc, &layer, 999)
    };
    assert_eq!(
        changed(|ztoc| ztoc.span_digests.swap(0, 1)),
        Err(VerifyError::SpanDigest { span: 0 })
    );
    assert_eq!(
        changed(|ztoc| drop(ztoc.files.pop())),
        Err(VerifyError::FileCount {
            expected: 5,
            found: 6
        })
    );
    let field = |index, name: &str, field| {
        Err(VerifyError::File {
            index,
            name: name.to_owned(),
            field,
        })
    };
    assert_eq!(
        changed(|ztoc| ztoc.files[1].mode = 0o600),
        field(1, "./dir/file", "mode")
    );
    assert_eq!(
        changed(|ztoc| ztoc.files[2].uid += 1),
        field(2, "dir/file", "user id")
    );
    assert_eq!(
        changed(|ztoc| ztoc.files[2].uncompressed_bytes -= 1),
        field(2, "dir/file", "size")
    );
    let found = changed(|ztoc| ztoc.uncompressed_bytes -= 1);
    assert!(
        matches!(found, Err(VerifyError::ArchiveSize { .. })),
        "{found:?}"
    );
    let found = verify(&good, &layer[..layer.len() - 1], 999);
    assert!(
        matches!(found, Err(VerifyError::LayerSize { .. })),
        "{found:?}"
    );
}

#[test]
fn structure_rules_are_checked() {
    let (layer, _) = some_layer();
    let good = ztoc(&layer, &options(30_000, false));
    assert_eq!(good.check_structure(), Ok(()));
    let broken: [fn(&mut Ztoc); 7] = [
        |ztoc| ztoc.version = "1.0".to_owned(),
        |ztoc| ztoc.span_digests.truncate(1),
        |ztoc| ztoc.compressed_bytes = 100,
        |ztoc| ztoc.files.swap(0, 2),
        |ztoc| ztoc.files[2].uncompressed_bytes += 1_024,
        |ztoc| ztoc.uncompressed_bytes = 1_000,
        |ztoc| {
            ztoc.spans = SpanTable::Uncompressed {
                span_bytes: 1 << 22,
                layer_bytes: 5,
            }
        },
    ];
    for (index, change) in broken.into_iter().enumerate() {
        let mut ztoc = good.clone();
        change(&mut ztoc);
        assert!(ztoc.check_structure().is_err(), "change {index}");
    }
}
