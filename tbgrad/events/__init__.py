"""Records to bytes and back: TensorBoard's event files, without TensorFlow.

    records ─► scalars (whole series), encoding (all else) ─► tfrecord (frames) ─► writer ─► file
    records ◄─ decoding ◄─ contents, graphs ◄─ scanning (blocks, events) ◄─ tfrecord ◄─ reader ◄─ file

Both ways of scalars stand on `layouts`, series as matrices of bytes, and that on `checksums` and `varints`.
"""
