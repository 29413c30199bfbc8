package paradise

import (
	"context"
	"errors"
	"io/fs"
)

// errorReplies is the one place where errors become replies, first match wins.
// Codes are those of RFC 959, 4.2, as the verbs' rows in the command table
// allow them.
var errorReplies = []struct {
	err  error
	code int
	text string
}{
	{ErrAborted, 426, "Transfer aborted"},
	{ErrControlLost, 426, "Control connection lost; transfer aborted"},
	{ErrTruncated, 426, "Data connection ended without TLS close_notify; transfer aborted"},
	{ErrStalled, 426, "Data connection stalled; transfer aborted"},
	{ErrDataLost, 426, "Data connection broken; transfer aborted"},
	{ErrKicked, 426, "Session ended by the operator; transfer aborted"},
	{ErrServerClosed, 426, "Server is closing; transfer aborted"},
	{ErrDriverBlocked, 426, "Storage did not answer in time; transfer aborted"},
	{ErrSizeMismatch, 451, "Size is not what ALLO said; file discarded"},
	{ErrUnknownOutcome, 451, "Storage did not answer; the file may be there or not"},
	{ErrDigestMismatch, 550, "Content does not match what was expected; file discarded"},
	{ErrBadType, 550, "File type not accepted"},
	{ErrTooLarge, 552, "File too large"},
	{ErrNotDir, 550, "Not a directory"},
	{ErrIsDir, 550, "Is a directory"},
	{ErrNotEmpty, 550, "Directory not empty"},
	{ErrBadOffset, 550, "Restart offset is beyond the end of the file"},
	{ErrBusy, 450, "File busy, try again later"},
	{ErrNoSpace, 452, "Insufficient storage space"},
	{ErrQuota, 552, "Quota exceeded"},
	{ErrBadName, 553, "File name not allowed"},
	{fs.ErrNotExist, 550, "No such file or directory"},
	{fs.ErrExist, 550, "File exists"},
	{fs.ErrPermission, 550, "Permission denied"},
	{context.Canceled, 426, "Transfer aborted"},
	{context.DeadlineExceeded, 451, "Storage did not answer in time"},
}

// replyFor turns a driver's error into the reply of a command whose answer to
// errors.ErrUnsupported is unsupported.
func replyFor(err error, unsupported int) reply {
	if re, ok := errors.AsType[*ReplyError](err); ok && re.Code >= 400 && re.Code <= 599 {
		return reply{code: re.Code, text: re.Text, err: err}
	}
	for _, e := range errorReplies {
		if errors.Is(err, e.err) {
			return reply{code: e.code, text: e.text, err: err}
		}
	}
	if errors.Is(err, errUnsupported) {
		return reply{code: unsupported, text: "Not supported here", err: err}
	}
	return reply{code: 451, text: "Requested action aborted: local error in processing", err: err}
}
