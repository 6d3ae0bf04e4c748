// Package s3server runs real S3 servers as processes: for tests, for the demo and for
// measurements. The product does not use it.
//
// `make tools` builds the programs into .cache/bin of the checkout (the variable
// S3SYNC_TOOLS names another folder); tools/versions.mk holds their versions. A test is
// skipped if its program is missing. Two variables hold comma-separated lists of
// servers: S3SYNC_TEST_SERVERS are the only ones that tests may use ("none" means
// none). S3SYNC_TEST_MUST_RUN are the servers, and other tools, whose tests must not be
// skipped.
//
// # How the servers differ from S3 and from each other
//
// Observed with versitygw v1.8.0 on its posix backend and MinIO of 2026-02-12.
//
// TestQuirks checks every difference that a test or the product depends on.
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
//     versions, so only IsLatest and the time in its version IDs (ULIDs) show
//     their order. MinIO lists each key from new to old, like S3.
//   - ListMultipartUploads: MinIO supports only an empty prefix and a whole key.
//
// Reading
//
//   - If-Match on a ranged GET and on HEAD works on both (412), and a range
//     beyond the end or of an empty object is InvalidRange (416).
//   - HEAD with partNumber works on both: Content-Length of the part,
//     x-amz-mp-parts-count, the ETag of the whole. A part that does not exist is
//     416. Both also support partNumber=1 for an object that has no parts.
//   - GetObjectAttributes: MinIO returns the sizes of all parts, versitygw none.
//   - A version that does not exist: NoSuchVersion (404) from MinIO,
//     InvalidArgument (400) from versitygw.
//   - MinIO returns non-ASCII metadata in RFC 2047 encoding, like S3. versitygw
//     returns them unchanged. MinIO drops an Expires header that is not a date.
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
//   - versitygw keeps redirects and reports STANDARD as the class of every object,
//     whatever was requested. MinIO drops redirects and supports only STANDARD and
//     REDUCED_REDUNDANCY (InvalidStorageClass). Both accept any ACL and keep none.
//   - Tags: both count them in HEAD and GET. versitygw accepts any characters in
//     x-amz-tagging; neither does in PutObjectTagging (InvalidTag). With MinIO a user
//     who may write an object may write its tags, too. GetObjectTagging of a delete
//     marker is NoSuchKey from MinIO, MethodNotAllowed from versitygw.
//
// Conditions
//
//   - Both support If-Match and If-None-Match of PutObject and
//     CompleteMultipartUpload: PreconditionFailed, and NoSuchKey if If-Match names an
//     object that does not exist. If an upload is completed again, MinIO refuses it
//     because of the object that it created itself, and versitygw succeeds.
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
//   - Without a version-id-marker, versitygw includes the key of key-marker, MinIO
//     does not.
//   - MinIO appends "[minio_cache:…]" to NextKeyMarker.
//   - Deleting a key that never existed adds no marker on either server. Deleting a
//     deleted key adds none on MinIO. S3 adds one each time.
//   - With versitygw the LastModified of a version becomes the time at which it was
//     replaced, and the LastModified of markers has nanoseconds.
//
// Additional checksums
//
//   - versitygw supports all ten algorithms, MinIO CRC32, CRC32C, CRC64NVME, SHA1 and
//     SHA256. MinIO ignores the values of others in PutObject, also wrong ones,
//     and refuses others in CreateMultipartUpload (InvalidArgument).
//   - Both compare the values of PutObject and UploadPart with the body and repeat
//     them in the response. A wrong one is BadDigest from versitygw,
//     XAmzContentChecksumMismatch from MinIO.
//   - The type of an upload in parts is COMPOSITE if none is requested, and
//     FULL_OBJECT for CRC64NVME. FULL_OBJECT exists for the CRCs only:
//     InvalidRequest from versitygw, InvalidArgument from MinIO. COMPOSITE of
//     CRC64NVME is InvalidRequest from versitygw; MinIO makes it FULL_OBJECT.
//   - A part without a checksum in the algorithm of its upload is refused:
//     InvalidRequest from versitygw, InvalidArgument from MinIO.
//   - In CompleteMultipartUpload both compare the value of the whole object, if it
//     is FULL_OBJECT and comes in a header. The response of versitygw has value and
//     type in its body. The response of MinIO has both in headers and the value in
//     its body. When versitygw completes an upload twice, its second response has none.
//   - versitygw adds a CRC64NVME to objects that are written without a checksum,
//     whole or in parts.
//   - GET and HEAD return checksums only with x-amz-checksum-mode, and none for
//     ranges. versitygw returns those of the object if the range is the whole object.
//     HEAD with partNumber: MinIO returns the checksum of the part without a type.
//     versitygw returns none, except that of an object with one part.
//
// Copies by the server
//
//   - Both support x-amz-copy-source-if-match, replacements of metadata and tags, and
//     copies of ranges as parts. A range beyond the end of a source that changed is
//     InvalidArgument from versitygw, whatever its ETag is.
//   - versitygw returns additional checksums in the response to CopyObject. MinIO
//     returns them only for a HEAD.
//   - UploadPartCopy in an upload with a checksum: MinIO refuses it
//     (InvalidArgument). versitygw uses the checksum of the whole source for the
//     part, if the source has one of that algorithm. Otherwise it computes it.
//
// Encryption
//
//   - versitygw accepts all headers, even a customer key without TLS. It does not
//     encrypt, and does not mention encryption in its responses.
//   - MinIO has a key "test-key" for SSE-S3 and SSE-KMS. Another key ID is
//     kms:KeyNotFound (404), aws:kms:dsse InvalidArgument (400).
//   - Customer keys need TLS: InvalidRequest (400) from MinIO. Reading without the
//     key is InvalidRequest, too; with a wrong key it is AccessDenied (403).
//   - MinIO reports encryption in the responses to PutObject, UploadPart, GET and
//     HEAD, but not in those that create or complete an upload. ETags are digests
//     only with SSE-S3.
package s3server
