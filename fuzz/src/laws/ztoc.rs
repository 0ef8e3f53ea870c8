//! Laws of soci-ztoc: layers and zTOCs.
//!
//! The first bytes of an input for [`gzip_walk`] and [`tar_entries`] are a recipe: the fuzzer chooses the span size
//! and the cuts too.

use soci_ztoc::{
    BuildError, BuildOptions, Builder, Built, Damage, DamageKind, FileMetadata, FileReader,
    LayerIdentity, LayerVerifier, Limits, MultiMember, SpanSize, SpanTable, Ztoc,
};

/// Where an input is cut.
type Cuts = super::cuts::Cuts<8>;

/// Bytes of the recipe in front of an input.
pub const RECIPE_BYTES: usize = 4;

/// Bit of a recipe's first byte: multi-member gzip is allowed.
pub const ALLOW_MEMBERS: u8 = 1 << 3;

/// Bit of a recipe's first byte: checksums are made right first, so that mutated content gets past them.
pub const REPAIR: u8 = 1 << 4;

/// What the low three bits of a recipe's first byte choose from.
pub const SPAN_BYTES: [u64; 8] = [1, 100, 512, 1_000, 4_096, 10_000, 32_768, 65_536];

/// Files of a layer that are read through its zTOC; a law is to be quick.
const FILES_READ: usize = 16;

/// Bytes brought for a span of a zTOC whose layer nobody has.
const FORGED_SPAN_BYTES: u64 = 64 * 1024;

/// Any bytes as a gzip layer: however they are cut the answer is the same, and a zTOC that comes out is right.
pub fn gzip_walk(input: &[u8]) {
    let Some((recipe, layer)) = Recipe::split(input) else {
        return;
    };
    let mut layer = layer.to_vec();
    if recipe.repair {
        repair_trailers(&mut layer, &recipe);
    }
    check_layer(&layer, &recipe);
}

/// Any bytes as a plain tar layer: as [`gzip_walk`], and each file is where its entry says.
pub fn tar_entries(input: &[u8]) {
    let Some((recipe, layer)) = Recipe::split(input) else {
        return;
    };
    let mut layer = layer.to_vec();
    if recipe.repair {
        repair_headers(&mut layer);
    }
    if let Some(ztoc) = check_layer(&layer, &recipe)
        && matches!(ztoc.spans, SpanTable::Uncompressed { .. })
    {
        ztoc.files
            .iter()
            .for_each(|file| check_entry(&ztoc, file, &layer));
    }
}

/// Any bytes as a zTOC: what decodes holds together, encodes to the same value, and can be planned with.
pub fn ztoc_decode(input: &[u8]) {
    let limits = small_limits();
    // Contradictions included: only that nothing breaks.
    let _ = Ztoc::decode_unchecked(input, &limits);
    let Ok(ztoc) = Ztoc::decode(input, &limits) else {
        return;
    };
    assert_eq!(ztoc.check_structure(), Ok(()));
    check_encoding(&ztoc);
    for file in &ztoc.files {
        let Ok(mut reader) = FileReader::new(&ztoc, file, &limits) else {
            continue;
        };
        let Some(span) = reader.next_span() else {
            continue;
        };
        let bytes = span.compressed.end - span.compressed.start;
        if bytes <= FORGED_SPAN_BYTES
            && let Ok(mut pieces) = reader.open_span(&vec![0; bytes as usize])
        {
            while let Ok(Some(_)) = pieces.next_piece() {}
        }
    }
    for file in ztoc.files.iter().take(FILES_READ) {
        let _ = ztoc.find(&file.name);
    }
    verify_against(&ztoc, input, &limits);
}

/// Holds a zTOC that somebody forged against bytes that are not its layer: any answer will do, but an answer.
fn verify_against(ztoc: &Ztoc, layer: &[u8], limits: &Limits) {
    let mut verifier = LayerVerifier::new(ztoc, limits);
    for piece in layer.chunks(1_000) {
        if verifier.push(piece).is_err() {
            return;
        }
    }
    let _ = verifier.finish();
}

/// How an input is treated.
struct Recipe {
    options: BuildOptions,
    cuts: Cuts,
    repair: bool,
}

impl Recipe {
    /// The recipe in front of an input, and the rest.
    fn split(input: &[u8]) -> Option<(Recipe, &[u8])> {
        let (&[choice, mode, seed_low, seed_high], rest) =
            input.split_first_chunk::<RECIPE_BYTES>()?;
        let span_size = SpanSize::from_bytes(SPAN_BYTES[usize::from(choice & 7)])?;
        let multi_member = match choice & ALLOW_MEMBERS {
            0 => MultiMember::Skip,
            _ => MultiMember::Allow,
        };
        let options = BuildOptions {
            span_size,
            multi_member,
            limits: small_limits(),
            ..BuildOptions::default()
        };
        let state = u64::from(u16::from_le_bytes([seed_low, seed_high]));
        let repair = choice & REPAIR != 0;
        Some((
            Recipe {
                options,
                cuts: Cuts { mode, state },
                repair,
            },
            rest,
        ))
    }
}

/// So small that an input of some KiB can exceed them.
fn small_limits() -> Limits {
    Limits {
        files: 200,
        spans: 64,
        special_header_bytes: 4_096,
        memory_bytes: 4 << 20,
        span_bytes: 1 << 20,
        ..Limits::default()
    }
}

fn build<'a>(
    options: &BuildOptions,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<Built, BuildError> {
    let mut builder = Builder::new(options.clone());
    for piece in pieces {
        builder.push(piece)?;
    }
    builder.finish()
}

fn check_layer(layer: &[u8], recipe: &Recipe) -> Option<Ztoc> {
    let whole = build(&recipe.options, std::iter::once(layer));
    let cut = build(&recipe.options, recipe.cuts.pieces(layer));
    assert_eq!(whole, cut, "cutting the layer changed the answer");
    match whole {
        Err(BuildError::SelfCheck { .. } | BuildError::Structure(_)) => {
            panic!("a defect of our own: {whole:?}")
        }
        Ok(Built::Indexed {
            ztoc,
            layer: identity,
        }) => {
            check_ztoc(&ztoc, &identity, layer, recipe);
            Some(ztoc)
        }
        Ok(Built::NotIndexable { .. }) | Err(_) => None,
    }
}

fn check_ztoc(ztoc: &Ztoc, identity: &LayerIdentity, layer: &[u8], recipe: &Recipe) {
    assert_eq!(ztoc.check_structure(), Ok(()));
    assert_eq!(ztoc.compressed_bytes, layer.len() as u64);
    check_encoding(ztoc);
    let mut verifier = LayerVerifier::new(ztoc, &recipe.options.limits);
    for piece in recipe.cuts.pieces(layer) {
        verifier
            .push(piece)
            .expect("a zTOC verifies against its layer");
    }
    let verified = verifier
        .finish()
        .expect("a zTOC verifies against its layer");
    assert_eq!(verified, *identity);
    for file in ztoc.files.iter().take(FILES_READ) {
        let content = read(ztoc, file, layer);
        assert_eq!(content.len() as u64, file.uncompressed_bytes);
    }
}

fn check_encoding(ztoc: &Ztoc) {
    let encoded = ztoc
        .clone()
        .encode()
        .expect("a zTOC within limits can be encoded");
    let bytes: Vec<u8> = encoded.chunks().flatten().copied().collect();
    assert_eq!(bytes.len(), encoded.len());
    let decoded = Ztoc::decode(&bytes, &Limits::default());
    assert_eq!(decoded.as_ref(), Ok(ztoc));
}

fn read(ztoc: &Ztoc, file: &FileMetadata, layer: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut reader =
        FileReader::new(ztoc, file, &Limits::default()).expect("spans are within limits");
    while let Some(span) = reader.next_span() {
        let bytes = &layer[span.compressed.start as usize..span.compressed.end as usize];
        let mut pieces = reader
            .open_span(bytes)
            .expect("the layer's own bytes are right");
        while let Some(piece) = pieces
            .next_piece()
            .expect("a span decodes from its checkpoint")
        {
            content.extend_from_slice(piece);
        }
    }
    content
}

/// An entry of a plain tar: behind its header, on a block, and what is read is what lies there.
fn check_entry(ztoc: &Ztoc, file: &FileMetadata, layer: &[u8]) {
    let data = file.data();
    assert!(data.start >= 512 && data.start.is_multiple_of(512));
    let expected = &layer[data.start as usize..data.end as usize];
    assert!(
        read(ztoc, file, layer) == expected,
        "a file is not where its entry says"
    );
}

/// Makes the checksum of every header with POSIX' or GNU's magic right.
fn repair_headers(layer: &mut [u8]) {
    for block in layer.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Makes the checksums and lengths of some members right, by what is said to be wrong with them.
fn repair_trailers(layer: &mut [u8], recipe: &Recipe) {
    const MOST: usize = 8;
    for _ in 0..MOST {
        let Err(BuildError::Damaged(damage)) = build(&recipe.options, std::iter::once(&*layer))
        else {
            return;
        };
        let Damage {
            kind,
            compressed_offset,
            ..
        } = damage;
        let end = compressed_offset as usize;
        match kind {
            DamageKind::Crc32 { expected, .. } => {
                layer[end - 8..end - 4].copy_from_slice(&expected.to_le_bytes());
            }
            DamageKind::Length { expected, .. } => {
                layer[end - 4..end].copy_from_slice(&expected.to_le_bytes());
            }
            _ => return,
        }
    }
}
