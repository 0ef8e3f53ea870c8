package main

import (
	"encoding/hex"
	"os"
	"time"

	"github.com/awslabs/soci-snapshotter/ztoc"
	"github.com/awslabs/soci-snapshotter/ztoc/compression"
)

type infoFile struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Offset   int64             `json:"offset"`
	Size     int64             `json:"size"`
	Link     string            `json:"link"`
	Mode     int64             `json:"mode"`
	UID      int               `json:"uid"`
	GID      int               `json:"gid"`
	Uname    string            `json:"uname"`
	Gname    string            `json:"gname"`
	ModTime  string            `json:"mod_time"`
	Devmajor int64             `json:"devmajor"`
	Devminor int64             `json:"devminor"`
	Pax      map[string]string `json:"pax"`
}

type infoSpan struct {
	Digest             string `json:"digest"`
	CompressedOffset   int64  `json:"compressed_offset"`
	UncompressedOffset int64  `json:"uncompressed_offset"`
}

// info is what the reference understands when it reads a zTOC; strings that need not be UTF-8 are hex.
func info(ztocPath string) (any, error) {
	blob, err := os.Open(ztocPath)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	toc, err := ztoc.Unmarshal(blob)
	if err != nil {
		return nil, err
	}
	zinfo, err := toc.Zinfo()
	if err != nil {
		return nil, err
	}
	defer zinfo.Close()
	files := []infoFile{}
	for _, f := range toc.FileMetadata {
		files = append(files, describeFile(f))
	}
	spans := []infoSpan{}
	for i, d := range toc.SpanDigests {
		id := compression.SpanID(i)
		spans = append(spans, infoSpan{d.String(), int64(zinfo.StartCompressedOffset(id)), int64(zinfo.StartUncompressedOffset(id))})
	}
	return map[string]any{
		"version": toc.Version, "build_tool": toc.BuildToolIdentifier, "algorithm": toc.CompressionAlgorithm,
		"compressed_size": toc.CompressedArchiveSize, "uncompressed_size": toc.UncompressedArchiveSize,
		"max_span_id": toc.MaxSpanID, "span_size": zinfo.SpanSize(), "spans": spans, "files": files,
	}, nil
}

func describeFile(f ztoc.FileMetadata) infoFile {
	pax := map[string]string{}
	for key, value := range f.PAXHeaders {
		pax[text(key)] = text(value)
	}
	return infoFile{
		text(f.Name), f.Type, int64(f.UncompressedOffset), int64(f.UncompressedSize), text(f.Linkname), f.Mode, f.UID, f.GID,
		text(f.Uname), text(f.Gname), f.ModTime.Format(time.RFC3339Nano), f.Devmajor, f.Devminor, pax,
	}
}

func text(s string) string { return hex.EncodeToString([]byte(s)) }
