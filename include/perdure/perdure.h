// SPDX-License-Identifier: BSL-1.0
// The C interface: file commits that are old or new, never in between. Link perdure::c.
//
//     perdure_error *error;
//     if (perdure_write("app.conf", "threads = 8\n", 12, NULL, NULL, &error) != 0) {
//       fprintf(stderr, "%s\n", perdure_error_message(error));
//       perdure_error_free(error);
//     }
//
// Results. A call that can fail returns 0, or the kind of its error (PERDURE_KIND_...). Where
// `error` is not NULL, `*error` becomes NULL or a new error, which the caller frees. A handle that
// a call makes is NULL after an error. No exception leaves a call, and no call ends the program.
//
// Arguments. Paths are bytes that end in a zero, as open(2) takes them. NULL where a path, bytes of
// a size above 0, or a handle are needed is PERDURE_KIND_INVALID_ARGUMENT. Nothing that is passed
// has to outlive the call.
//
// Options. NULL, or a struct whose first member is its own size; a member that is zero means the
// default, so that `{.size = sizeof options}` changes nothing. A later version adds members at the
// end. It takes the shorter struct of an older program as if the new members were zero. An older
// library refuses a longer struct unless all members that it does not know are zero.
//
// Ownership. Each handle is freed by its `_free`, which takes NULL, too. Text and bytes that an
// accessor returns belong to the handle, and live as long as it does.
//
// Threads. Any number of threads may make calls by path. A perdure_root and a perdure_state serve
// any number of threads at once; a perdure_file and a perdure_transaction serve one at a time. An
// error, a receipt, a content and a report never change, so that all threads may read one. Free a
// handle when no thread uses it. A handle belongs to the process that made it: in a forked child it
// may be freed, and every other call refuses it.
//
// Numbers never change their meaning. A later version may return numbers that are not listed here:
// take an unknown kind for PERDURE_KIND_SYSTEM, an unknown fate for PERDURE_FATE_UNKNOWN, an
// unknown origin for PERDURE_ORIGIN_REPLACED, and an unknown step for PERDURE_STEP_UNCLEAR.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PERDURE_C_API __attribute__((visibility("default")))
#else
#define PERDURE_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ---- Numbers

// The state of the target when a call failed. Ask this before a retry.
enum perdure_fate {
  PERDURE_FATE_NONE = 0,       // Nothing failed.
  PERDURE_FATE_UNCHANGED = 1,  // The target is byte for byte what it was, and no temp is left.
  PERDURE_FATE_VISIBLE = 2,    // The new content is in place, but a power cut may still undo it.
  PERDURE_FATE_DURABLE = 3,    // The new content is in place and durable; a later step failed.
  PERDURE_FATE_COMMITTED = 4,  // A transaction that is durable; recovery puts it in place.
  PERDURE_FATE_UNKNOWN = 5,    // Nobody can tell old from new, or another's file is there.
};

// Why a call failed, as far as a program may want to act on it.
enum perdure_kind {
  PERDURE_KIND_NONE = 0,                // Nothing failed.
  PERDURE_KIND_SYSTEM = 1,              // The system refused; perdure_error_errno has its code.
  PERDURE_KIND_INVALID_ARGUMENT = 2,    // The call itself is wrong; nothing was touched.
  PERDURE_KIND_EXISTS = 3,              // PERDURE_EXISTING_KEEP, and the target exists.
  PERDURE_KIND_CONFLICT = 4,            // Not the version, or the generation, that was expected.
  PERDURE_KIND_SYMLINK_REFUSED = 5,     // A symbolic link, and the policy or safety forbids it.
  PERDURE_KIND_UNTRUSTED = 6,           // Another user put it there, where others may write.
  PERDURE_KIND_NOT_REGULAR = 7,         // The target is a directory, a FIFO, a device or a socket.
  PERDURE_KIND_READ_ONLY = 8,           // Nobody may write to it, and PERDURE_REFUSE_READ_ONLY.
  PERDURE_KIND_MOUNT_POINT = 9,         // The target is a mount point, which can't be replaced.
  PERDURE_KIND_METADATA = 10,           // Mode, owner, ACL or an attribute could not be kept.
  PERDURE_KIND_LOCK_TIMEOUT = 11,       // Another committer held the lock for too long.
  PERDURE_KIND_STOPPED = 12,            // The wait for a lock was ended; nothing was touched.
  PERDURE_KIND_BUSY = 13,               // As many commits wait as may; nothing was touched.
  PERDURE_KIND_SERIALIZER = 14,         // The bytes are not what the format of the state asks for.
  PERDURE_KIND_VERIFY = 15,             // The content that was read back is not what was written.
  PERDURE_KIND_CORRUPT = 16,            // Stored data fails its own check.
  PERDURE_KIND_TOO_NEW = 17,            // Stored data comes from a newer version.
  PERDURE_KIND_RECOVERY_REQUIRED = 18,  // Not before a recovery, or a reopening.
  PERDURE_KIND_UNSUPPORTED = 19,        // This file system or machine can't do that.
};

// The promise of a commit that has returned.
enum perdure_durability {
  PERDURE_DURABILITY_DURABLE = 0,  // New after a power cut, too. The default.
  PERDURE_DURABILITY_ORDERED = 1,  // Old or new after a power cut, maybe old.
  PERDURE_DURABILITY_NONE = 2,     // Old or new when the process dies. After a power cut: anything.
};

// The order of system calls by which a commit becomes durable.
enum perdure_protocol {
  PERDURE_PROTOCOL_PORTABLE = 0,   // Holds on every file system. The default.
  PERDURE_PROTOCOL_AUTOMATIC = 1,  // The fastest that is known to hold; never in a receipt.
  PERDURE_PROTOCOL_FAST = 2,       // PERDURE_KIND_UNSUPPORTED where it is not known to hold.
  PERDURE_PROTOCOL_WHOLE = 3,      // In receipts alone: by a sync of the file system.
  PERDURE_PROTOCOL_LOGGED = 4,     // In receipts alone: through the log of an open root.
};

// How a commit treats a target that is a symbolic link.
enum perdure_symlink {
  PERDURE_SYMLINK_FOLLOW = 0,   // Replace the file that it points at. The default.
  PERDURE_SYMLINK_REPLACE = 1,  // Replace the link itself.
  PERDURE_SYMLINK_REFUSE = 2,   // PERDURE_KIND_SYMLINK_REFUSED.
};

// How a commit treats a target that exists.
enum perdure_existing {
  PERDURE_EXISTING_REPLACE = 0,  // The default.
  PERDURE_EXISTING_KEEP = 1,     // PERDURE_KIND_EXISTS.
  PERDURE_EXISTING_BACKUP = 2,   // Give the old content a second name first.
};

// Which mode, owner, ACL and extended attributes the new file gets.
enum perdure_metadata {
  PERDURE_METADATA_PRESERVE = 0,       // The target's; a new file gets `mode` less the umask.
  PERDURE_METADATA_PRESERVE_MODE = 1,  // The same, but always with exactly `mode`.
  PERDURE_METADATA_FIXED = 2,          // Exactly `mode`, and nothing of the target.
};

// The layout of a state's file.
enum perdure_format {
  PERDURE_FORMAT_ENVELOPE = 0,  // Any bytes, behind a header with generation and checksum.
  PERDURE_FORMAT_JSON = 1,  // A JSON object; generation and checksum are members beside its own.
};

// The origin of a state's content.
enum perdure_origin {
  PERDURE_ORIGIN_NOTHING = 0,   // No state is there yet; its size is 0.
  PERDURE_ORIGIN_CURRENT = 1,   // The state that was committed last.
  PERDURE_ORIGIN_PREVIOUS = 2,  // An earlier generation: the current one was missing or damaged.
  PERDURE_ORIGIN_REPLACED = 3,  // Somebody put another copy, an older one, in its place.
};

// How recovery judged one path.
enum perdure_recovery_step {
  PERDURE_STEP_NONE = 0,     // There is no such path.
  PERDURE_STEP_DONE = 1,     // It was as the transaction wants it.
  PERDURE_STEP_REDO = 2,     // It was put in place now.
  PERDURE_STEP_FOREIGN = 3,  // Somebody else changed it since: left alone.
  PERDURE_STEP_LOST = 4,     // Its new content is gone: a person has to decide.
  PERDURE_STEP_UNCLEAR = 5,  // The root was copied: a person has to decide.
};

// Bits of `flags`. A bit that a call does not know, or can't use, is PERDURE_KIND_INVALID_ARGUMENT.
enum perdure_flag {
  PERDURE_MAKE_PARENTS = 1,      // Make missing parents, durably.
  PERDURE_VERIFY = 2,            // Read the content back from the disk before it is published.
  PERDURE_COORDINATE = 4,        // Take the target's lock.
  PERDURE_REFUSE_READ_ONLY = 8,  // Refuse a target without any write bit in its mode.
  PERDURE_REPORT_VERSION = 16,   // Have the new version in the receipt.
  PERDURE_EXCLUSIVE = 32,        // A state: keep its lock until the handle is freed.
};

// Values of `lock_timeout_ms`; 0 is the default of 10 seconds.
#define PERDURE_WAIT_FOREVER (-1)
#define PERDURE_TRY_ONCE (-2)

// The version of a file that does not exist; as an expectation: "must not exist yet".
#define PERDURE_ABSENT "absent"

// ---- Errors. Every accessor takes NULL, and says then that nothing failed: 0 or "".

// One failure. It never changes.
typedef struct perdure_error perdure_error;

// Why it failed: PERDURE_KIND_...
PERDURE_C_API int perdure_error_kind(const perdure_error* error);
// The state of the target now: PERDURE_FATE_...
PERDURE_C_API int perdure_error_fate(const perdure_error* error);
// The code of the system call that failed, as in errno; 0 when none did.
PERDURE_C_API int perdure_error_errno(const perdure_error* error);
// The action that failed: "sync the new content".
PERDURE_C_API const char* perdure_error_step(const perdure_error* error);
// The path as the caller named it; "" where the call has none.
PERDURE_C_API const char* perdure_error_path(const perdure_error* error);
// One sentence that a person can act on, with path, step, cause, fate and advice in it.
PERDURE_C_API const char* perdure_error_message(const perdure_error* error);
// Frees it, and all text and bytes that its accessors returned.
PERDURE_C_API void perdure_error_free(perdure_error* error);

// The word for a number, as the command line prints it: "visible", "conflict"; "none" for 0 and
// "unknown" for a number that is not listed. Lives until the program ends.
PERDURE_C_API const char* perdure_fate_name(int fate);
PERDURE_C_API const char* perdure_kind_name(int kind);

// ---- Receipts: the facts of a call that went well. Where a call takes `receipt`, pass NULL to get
// none. Accessors take NULL, and return 0 or "" for it, and for facts that a call does not tell.

// The facts of one call that went well. It never changes.
typedef struct perdure_receipt perdure_receipt;

// Bytes of new content.
PERDURE_C_API uint64_t perdure_receipt_bytes(const perdure_receipt* receipt);
// The durability that was reached, never more, and the protocol.
PERDURE_C_API int perdure_receipt_durability(const perdure_receipt* receipt);
PERDURE_C_API int perdure_receipt_protocol(const perdure_receipt* receipt);
// The version of the new target, with PERDURE_REPORT_VERSION or an expected version.
PERDURE_C_API const char* perdure_receipt_version(const perdure_receipt* receipt);
// Of a state: the number of the save.
PERDURE_C_API uint64_t perdure_receipt_generation(const perdure_receipt* receipt);
// Of a transaction: the paths that somebody else changed while it was committed. Their change
// counts as the later one, and was left as it is.
PERDURE_C_API size_t perdure_receipt_left_alone_count(const perdure_receipt* receipt);
PERDURE_C_API const char* perdure_receipt_left_alone(const perdure_receipt* receipt, size_t index);
// The directory that keeps the content which those paths were to get; "" if there was none.
PERDURE_C_API const char* perdure_receipt_set_aside(const perdure_receipt* receipt);
// Frees it, and all text and bytes that its accessors returned.
PERDURE_C_API void perdure_receipt_free(perdure_receipt* receipt);

// ---- Contents: bytes that were read. Accessors take NULL, as those of receipts do.

// Bytes of one moment, with their version. They never change.
typedef struct perdure_content perdure_content;

// Never NULL, also of an empty content. Does not end in a zero: `size` says how many there are.
PERDURE_C_API const void* perdure_content_bytes(const perdure_content* content);
PERDURE_C_API size_t perdure_content_size(const perdure_content* content);
// Of a file: a token without spaces, to expect. `perdure version-of` prints the same.
PERDURE_C_API const char* perdure_content_version(const perdure_content* content);
// Of a state: its number, 0 where there is none yet, and where it comes from.
PERDURE_C_API uint64_t perdure_content_generation(const perdure_content* content);
PERDURE_C_API int perdure_content_origin(const perdure_content* content);
// Frees it, and all text and bytes that its accessors returned.
PERDURE_C_API void perdure_content_free(perdure_content* content);

// ---- Files

// How a file is committed or removed.
typedef struct perdure_write_options {
  size_t size;                // sizeof(perdure_write_options)
  uint32_t flags;             // All but PERDURE_EXCLUSIVE.
  int32_t durability;         // PERDURE_DURABILITY_...
  int32_t protocol;           // PERDURE_PROTOCOL_...
  int32_t symlink;            // PERDURE_SYMLINK_...
  int32_t existing;           // PERDURE_EXISTING_...
  int32_t metadata;           // PERDURE_METADATA_...
  uint32_t mode;              // Permission bits, 07777 at most; 0: 0666.
  uint32_t reserved;          // 0
  int64_t lock_timeout_ms;    // How long to wait for a lock, where one is taken.
  const char* expected;       // The version that the target has to have; NULL: any.
  const char* backup_suffix;  // With PERDURE_EXISTING_BACKUP alone; NULL: "~".
} perdure_write_options;

// Commits `size` bytes to `path`, durable unless the options say otherwise.
PERDURE_C_API int perdure_write(const char* path, const void* bytes, size_t size,
                                const perdure_write_options* options, perdure_receipt** receipt,
                                perdure_error** error);

// Reads a regular file, links followed. The content is that of its version, intact. A file of more
// than `size_max` bytes is an error; UINT64_MAX takes any. A missing one has the errno ENOENT.
PERDURE_C_API int perdure_read(const char* path, uint64_t size_max, perdure_content** content,
                               perdure_error** error);

// Removes a file, or a symbolic link itself, so that it stays removed. Of the options it takes
// `durability`, `expected`, `lock_timeout_ms` and PERDURE_COORDINATE, and refuses all others.
// PERDURE_FATE_VISIBLE: the name is gone, but a power cut may bring it back.
PERDURE_C_API int perdure_remove(const char* path, const perdure_write_options* options,
                                 perdure_error** error);

// ---- A file that is written in pieces and appears intact, or not at all

// One file that is being written, by one thread at a time.
typedef struct perdure_file perdure_file;

// Makes the temp for `path`. A reason that already forbids the commit fails here.
PERDURE_C_API int perdure_file_create(const char* path, const perdure_write_options* options,
                                      perdure_file** file, perdure_error** error);
// Appends. After an error the temp is gone, and every further call but `free` is refused.
PERDURE_C_API int perdure_file_write(perdure_file* file, const void* bytes, size_t size,
                                     perdure_error** error);
// Publishes the content. Once only: a second call is refused, and its fate is that of the first
// one.
PERDURE_C_API int perdure_file_commit(perdure_file* file, perdure_receipt** receipt,
                                      perdure_error** error);
// Removes the temp and says how that went; `free` does so without an answer.
PERDURE_C_API int perdure_file_discard(perdure_file* file, perdure_error** error);
// Frees it, and discards an uncommitted temp.
PERDURE_C_API void perdure_file_free(perdure_file* file);

// ---- Reports: what recovery found in a root, and did. Where a call takes `report`, pass NULL to
// get none. Accessors take NULL, as those of receipts do.

// The findings of one recovery. It never changes.
typedef struct perdure_report perdure_report;

// Whether a committed transaction was there, and is finished now.
PERDURE_C_API int perdure_report_recovered(const perdure_report* report);
// The private directory of the root was missing, and is there again: its content is lost.
PERDURE_C_API int perdure_report_restored(const perdure_report* report);
// The disk can't read the part of a log behind its last commit: there may have been commits, or
// none.
PERDURE_C_API int perdure_report_unreadable(const perdure_report* report);
// The paths of the committed transaction, and how each was judged. Also the file that keeps the
// content of a path that was left alone; "" if there is none.
PERDURE_C_API size_t perdure_report_count(const perdure_report* report);
PERDURE_C_API const char* perdure_report_path(const perdure_report* report, size_t index);
PERDURE_C_API int perdure_report_step(const perdure_report* report, size_t index);
PERDURE_C_API const char* perdure_report_kept(const perdure_report* report, size_t index);
// Frees it, and all text and bytes that its accessors returned.
PERDURE_C_API void perdure_report_free(perdure_report* report);

// ---- A root: a directory whose files are committed together

// How a root is opened. Everyone who commits to one root needs the same `private_directory`.
typedef struct perdure_root_options {
  size_t size;                    // sizeof(perdure_root_options)
  uint32_t flags;                 // PERDURE_REFUSE_READ_ONLY
  int32_t durability;             // Not for perdure_root_open, which is durable; never _NONE.
  int32_t protocol;               // Not for perdure_root_open, which keeps a log.
  int32_t metadata;               // PERDURE_METADATA_...
  uint32_t mode;                  // As perdure_write_options.mode.
  uint32_t reserved;              // 0
  int64_t lock_timeout_ms;        // How long to wait for others.
  const char* private_directory;  // NULL: ".perdure".
} perdure_root_options;

// Finishes what a crashed transaction left beneath `path`, as the calls below do first. Idempotent;
// a process that is killed during it loses nothing. PERDURE_KIND_RECOVERY_REQUIRED: a person has to
// decide (`perdure recover`).
PERDURE_C_API int perdure_recover(const char* path, const perdure_root_options* options,
                                  perdure_report** report, perdure_error** error);

// Many files beneath one root, all of them or none. Nothing that is put is visible before the
// commit. Paths are relative to the root, in plain form ("a/b", no ".."); symbolic links on the way
// are refused.
typedef struct perdure_transaction perdure_transaction;

// Waits for the root's lock, recovers, and begins.
PERDURE_C_API int perdure_transaction_begin(const char* root, const perdure_root_options* options,
                                            perdure_transaction** transaction,
                                            perdure_report** report, perdure_error** error);
// The file shall have this content; its directory exists, or is made here first. The last call for
// a path counts. After an error the transaction is over, and nothing of it was done.
PERDURE_C_API int perdure_transaction_put(perdure_transaction* transaction, const char* path,
                                          const void* bytes, size_t size, perdure_error** error);
// The file or symbolic link shall be gone. It must exist now.
PERDURE_C_API int perdure_transaction_remove(perdure_transaction* transaction, const char* path,
                                             perdure_error** error);
// The directory shall exist; a new one gets `mode` less the umask.
PERDURE_C_API int perdure_transaction_make_directory(perdure_transaction* transaction,
                                                     const char* path, uint32_t mode,
                                                     perdure_error** error);
// The commit is a conflict unless the file has this version at that time. PERDURE_ABSENT: unless
// the file is missing.
PERDURE_C_API int perdure_transaction_expect(perdure_transaction* transaction, const char* path,
                                             const char* version, perdure_error** error);
// All or nothing, durable unless the options say otherwise. Once only. PERDURE_FATE_COMMITTED:
// durable, and the next recovery puts the rest in place. PERDURE_FATE_UNKNOWN: the next recovery
// finds out.
PERDURE_C_API int perdure_transaction_commit(perdure_transaction* transaction,
                                             perdure_receipt** receipt, perdure_error** error);
// Frees it, and drops the transaction if it was not committed.
PERDURE_C_API void perdure_transaction_free(perdure_transaction* transaction);

// A root that this process holds open: a commit costs one flush, that of a log. Other programs must
// not commit beneath it in the meantime.
typedef struct perdure_root perdure_root;

// Waits for the lock of the root, recovers, and makes its log if there is none.
PERDURE_C_API int perdure_root_open(const char* path, const perdure_root_options* options,
                                    perdure_root** root, perdure_report** report,
                                    perdure_error** error);
// Any number of transactions may be under way, each for one thread. A transaction may outlive the
// handle of the root, but commits nothing once the root was closed or freed.
PERDURE_C_API int perdure_root_begin(perdure_root* root, perdure_transaction** transaction,
                                     perdure_error** error);
// Makes the published files durable, so that no crash needs the log for them.
PERDURE_C_API int perdure_root_settle(perdure_root* root, perdure_error** error);
// Settles, and lets others have the root. After an error the next opening or recovery finishes.
PERDURE_C_API int perdure_root_close(perdure_root* root, perdure_error** error);
// Frees it, and closes the root without an answer if it is still open.
PERDURE_C_API void perdure_root_free(perdure_root* root);

// ---- A state: bytes that survive crashes, with a generation that counts up

// How a state is opened.
typedef struct perdure_state_options {
  size_t size;              // sizeof(perdure_state_options)
  uint32_t flags;           // PERDURE_MAKE_PARENTS, PERDURE_EXCLUSIVE
  int32_t format;           // PERDURE_FORMAT_...
  int32_t durability;       // Never _NONE.
  int32_t protocol;         // PERDURE_PROTOCOL_...
  int32_t metadata;         // PERDURE_METADATA_...
  uint32_t mode;            // As perdure_write_options.mode.
  int64_t lock_timeout_ms;  // How long to wait for others.
  int32_t previous;         // How many previous generations to keep; 0: one, -1: none.
  uint32_t reserved;        // 0
} perdure_state_options;

// One state that is open; it serves any number of threads.
typedef struct perdure_state perdure_state;

// Opens the state in the file `path`. A damaged file is set aside as evidence, never overwritten,
// and the previous generation counts: perdure_content_origin says so.
PERDURE_C_API int perdure_state_open(const char* path, const perdure_state_options* options,
                                     perdure_state** state, perdure_error** error);
// The state as it is on the disk now, whoever saved it. Where no state is there, the content is
// empty, and its origin PERDURE_ORIGIN_NOTHING. A file that was damaged since the opening is
// PERDURE_KIND_CORRUPT. A file that was removed is PERDURE_KIND_CONFLICT. Then open the state anew:
// that sets the damaged file aside, or begins without a state.
PERDURE_C_API int perdure_state_load(perdure_state* state, perdure_content** content,
                                     perdure_error** error);
// Commits these bytes as the state. With `expected`, only if the generation is still that one:
// otherwise the save is a conflict, and nothing is done. Without it, the last save counts. After an
// error with another fate than PERDURE_FATE_UNCHANGED, saves are refused until perdure_state_load
// has found out which state is there.
PERDURE_C_API int perdure_state_save(perdure_state* state, const void* bytes, size_t size,
                                     const uint64_t* expected, perdure_receipt** receipt,
                                     perdure_error** error);
// Frees it, and with it the lock of PERDURE_EXCLUSIVE.
PERDURE_C_API void perdure_state_free(perdure_state* state);

// The version of the library: "0.1.0".
PERDURE_C_API const char* perdure_library_version(void);

#ifdef __cplusplus
}
#endif
