// Package s3server runs real S3 servers as processes: for tests, for the demo
// and for measurements. The product does not use it.
//
// The programs are built by `make tools` into .cache/bin of the checkout (the
// variable S3SYNC_TOOLS names another folder); tools/versions.mk holds their
// versions. A test skips where the program is missing. Two variables hold comma
// lists of servers: S3SYNC_TEST_SERVERS the only ones that tests may use
// ("none" is none of them), S3SYNC_TEST_MUST_RUN those, and other tools, whose tests
// must not be skipped.
//
// # How the servers differ from S3 and from each other
//
// Seen with versitygw v1.8.0 on its posix backend and MinIO of 2026-02-12.
// TestQuirks holds what a test or the product depends on.
//
// Keys
//
//   - Listings of both are in byte order: "a-1", "a.txt", "a/b", "a0".
//   - versitygw cleans keys as paths and stores "x//y" as "x/y", "/x" as "x",
//     "./x" as "x", "a/../b" as "b", without an error: objects can overwrite each
//     other. MinIO refuses "x//y" (XMinioInvalidObjectName) and dot segments
//     (XMinioInvalidResourceName) and stores "/x" as "x".
//   - "a" beside "a/b": versitygw refuses the second one with
//     ExistingObjectIsDirectory or ObjectParentIsFile (409). MinIO stores both,
//     but its listings then leave out "a/b".
//   - A key that ends in "/" with data: MinIO stores it, versitygw answers
//     DirectoryObjectContainsData (400).
//   - Both allow keys of 1,024 bytes but no path segment of more than 255:
//     KeyTooLongError from versitygw, XMinioInvalidObjectName from MinIO. Longer
//     than 1,024 bytes: MinIO refuses, versitygw does not.
//   - Invalid UTF-8: SignatureDoesNotMatch from MinIO; versitygw stores it and
//     lists U+FFFD instead of the bytes. It does that with control characters
//     and U+FFFE, too.
//
// Listings
//
//   - encoding-type=url: MinIO encodes as S3 does (a blank is "+", "/" stays).
//     versitygw ignores the parameter: its keys come as they are, and its answer
//     has no EncodingType.
//   - start-after may be any text, also one that sorts before the prefix or is
//     longer than a key can be.
//   - LastModified has milliseconds in MinIO's listings, whole seconds in those
//     of versitygw and in the headers of both. S3 has whole seconds everywhere.
//   - ListObjectVersions: a page of versitygw has all delete markers before all
//     versions, so that only IsLatest and the time in its version IDs (ULIDs) tell
//     how they follow each other. MinIO lists each key from new to old, as S3.
//   - ListMultipartUploads: MinIO knows no prefix but none and a whole key.
//
// Reading
//
//   - If-Match on a ranged GET and on HEAD works on both (412), and a range
//     beyond the end or of an empty object is InvalidRange (416).
//   - HEAD with partNumber works on both: Content-Length of the part,
//     x-amz-mp-parts-count, the ETag of the whole. A part that does not exist is
//     416. Both answer partNumber=1 for an object that has no parts, too.
//   - GetObjectAttributes: MinIO tells the sizes of all parts, versitygw none.
//   - A version that does not exist: NoSuchVersion (404) from MinIO,
//     InvalidArgument (400) from versitygw.
//   - Non-ASCII metadata come back in RFC 2047 encoding from MinIO, as S3 has it,
//     and as they were sent from versitygw. MinIO drops an Expires header that
//     is no date.
//
// Writing
//
//   - Content-MD5 (BadDigest) and x-amz-content-sha256 (XAmzContentSHA256Mismatch)
//     are checked by both.
//   - Completing an upload twice: NoSuchUpload from MinIO, success from versitygw.
//     Aborting it afterwards: NoSuchUpload from versitygw, success from MinIO.
//   - Completing without parts is refused by both; one empty part is accepted.
//   - DeleteObjects: versitygw reports every key also in quiet mode.
//
// What objects carry
//
//   - versitygw keeps redirects and tells STANDARD as the class of every object,
//     whatever was asked for. MinIO drops redirects and knows STANDARD and
//     REDUCED_REDUNDANCY only (InvalidStorageClass). Both take any ACL and keep none.
//   - Tags: both count them in HEAD and GET. versitygw takes any characters in
//     x-amz-tagging; neither does in PutObjectTagging (InvalidTag). MinIO lets who may
//     write an object write its tags, too. Of a deletion marker GetObjectTagging is
//     NoSuchKey from MinIO, MethodNotAllowed from versitygw.
//
// Conditions
//
//   - If-Match and If-None-Match of PutObject and CompleteMultipartUpload are heeded
//     by both: PreconditionFailed, and NoSuchKey where If-Match names an object that
//     is not there. An upload that is completed again is refused by MinIO for what
//     it made itself, and succeeds with versitygw.
//   - If-Match of DeleteObject: PreconditionFailed from versitygw. MinIO ignores it and
//     deletes the object.
//   - Conditions of CopyObject on what it replaces, and ETags in DeleteObjects, are
//     ignored by both.
//
// Errors
//
//   - An unknown access key: InvalidAccessKeyId (403) from MinIO,
//     XAdminUserNotFound (404) from versitygw.
//   - A wrong region: AuthorizationHeaderMalformed from both, with the right one
//     in the text, in single quotes (MinIO) and in double quotes (versitygw).
//
// Versions
//
//   - ListObjectVersions of MinIO has versions and delete markers in their order,
//     newest first. versitygw has all markers of a page before all versions; its
//     pages and its version-id-marker keep the order nevertheless.
//   - A page of versitygw that ends with the current version of a key is followed
//     by one that begins with it. With max-keys=1 that never ends.
//   - A key-marker alone includes its key with versitygw, and not with MinIO.
//   - MinIO appends "[minio_cache:…]" to NextKeyMarker.
//   - Deleting what never was there adds no marker on either, and deleting what is
//     deleted none on MinIO. S3 adds one each time.
//   - With versitygw the LastModified of a version becomes the time at which it was
//     replaced, and that of markers has nanoseconds.
//
// Additional checksums
//
//   - versitygw knows all ten algorithms, MinIO CRC32, CRC32C, CRC64NVME, SHA1 and
//     SHA256. MinIO ignores the values of others in PutObject, also wrong ones,
//     and refuses others in CreateMultipartUpload (InvalidArgument).
//   - Both compare the values of PutObject and UploadPart with the body and repeat
//     them in the answer. A wrong one is BadDigest from versitygw,
//     XAmzContentChecksumMismatch from MinIO.
//   - The type of an upload in parts is COMPOSITE if none is asked for, and
//     FULL_OBJECT for CRC64NVME. FULL_OBJECT exists for the CRCs only:
//     InvalidRequest from versitygw, InvalidArgument from MinIO. COMPOSITE of
//     CRC64NVME is InvalidRequest from versitygw; MinIO makes it FULL_OBJECT.
//   - A part without the checksum that its upload was begun with is refused:
//     InvalidRequest from versitygw, InvalidArgument from MinIO.
//   - In CompleteMultipartUpload both compare the value of the whole object, if it
//     is FULL_OBJECT and comes in a header. The answer of versitygw has value and
//     type in its body; that of MinIO has both in headers and the value in its
//     body. When versitygw completes an upload twice its second answer tells none.
//   - versitygw adds a CRC64NVME to objects that are written without a checksum,
//     whole or in parts.
//   - Reading tells checksums only with x-amz-checksum-mode, and about ranges
//     nothing, except that versitygw tells those of the object where the range is
//     all of it. HEAD with partNumber: MinIO tells the checksum of the part
//     without a type; versitygw none, but that of the object where it has one part.
//
// Copies by the server
//
//   - Both heed x-amz-copy-source-if-match, take what is to replace metadata and
//     tags, and copy parts of ranges. A range beyond the end of a source that
//     changed is InvalidArgument from versitygw, whatever its ETag is.
//   - The answer to CopyObject tells additional checksums with versitygw; with MinIO
//     only a HEAD does.
//   - UploadPartCopy in an upload with a checksum: MinIO refuses it
//     (InvalidArgument). versitygw takes the checksum of the whole source for that
//     of the part, if the source has one of that algorithm, and computes it else.
//
// Encryption
//
//   - versitygw takes all headers, also a customer key without TLS, does not
//     encrypt, and says nothing of encryption in its answers.
//   - MinIO has a key "test-key" for SSE-S3 and SSE-KMS. Another key ID is
//     kms:KeyNotFound (404), aws:kms:dsse InvalidArgument (400).
//   - Customer keys need TLS: InvalidRequest (400) from MinIO. Reading without the
//     key is InvalidRequest, too, with another one AccessDenied (403).
//   - MinIO tells of encryption in the answers to PutObject, UploadPart, GET and
//     HEAD, but not in those that create or complete an upload. ETags are digests
//     with SSE-S3 only.
package s3server
