#include "engine/log/recovery.h"

#include <glog/logging.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/log/segment.h"
#include "engine/log/segment_reader.h"

namespace thermocline::engine {
namespace {

struct Candidate {
  RecoveredSegment segment;
  std::string damage;  // not empty: the header on disk is damaged; `header` is what it said before
};

StatusOr<std::string> ReadHeaderBytes(const FileSystemPtr& fs, const std::string& path) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  TC_RETURN_IF_ERROR(FromRocksStatus(
      fs->NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr), "open " + path));
  char scratch[codec::kSegmentHeaderSize];
  rocksdb::Slice got;
  TC_RETURN_IF_ERROR(FromRocksStatus(
      file->Read(sizeof(scratch), rocksdb::IOOptions(), &got, scratch, nullptr), "read " + path));
  return std::string(got.data(), got.size());
}

// What a damaged header said before one of its bits flipped. The checksum finds the bit; it is used
// to tell whether the segment matters, never to go on with.
std::optional<codec::SegmentHeader> UndoOneFlip(std::string bytes) {
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    auto header = codec::DecodeSegmentHeader(bytes);
    if (header.ok()) return *header;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  return std::nullopt;
}

Status ListCandidates(const FileSystemPtr& fs, const std::string& dir, RecoveredLog* log,
                      std::vector<Candidate>* candidates) {
  TC_ASSIGN_OR_RETURN(const auto names, ListDir(fs, dir));
  for (const std::string& name : names) {
    const auto number = ParseSegmentName(name);
    if (!number) continue;  // not ours: left alone
    log->next_number = std::max(log->next_number, *number + 1);
    RecoveredFile file{JoinPath(dir, name), *number, 0};
    TC_RETURN_IF_ERROR(
        FromRocksStatus(fs->GetFileSize(file.path, rocksdb::IOOptions(), &file.bytes, nullptr),
                        "size of " + file.path));
    TC_ASSIGN_OR_RETURN(const std::string bytes, ReadHeaderBytes(fs, file.path));
    if (bytes.size() < codec::kSegmentHeaderSize ||
        bytes.find_first_not_of('\0') == std::string::npos) {
      log->unused.push_back(std::move(file));  // a spare, or one whose making was interrupted
      continue;
    }
    Candidate candidate;
    candidate.segment.path = file.path;
    candidate.segment.number = file.number;
    candidate.segment.bytes = file.bytes;
    auto header = codec::DecodeSegmentHeader(bytes);
    if (header.ok()) {
      candidate.segment.header = *header;
    } else {
      // A header fits into one sector, which is written whole or not at all: this is no torn write.
      const auto original = UndoOneFlip(bytes);
      if (!original) return header.status().Annotate(file.path + " at offset 0");
      candidate.segment.header = *original;
      candidate.damage = file.path + " at offset 0: the segment header is damaged (" +
                         std::string(header.status().message()) + ")";
    }
    candidates->push_back(std::move(candidate));
  }
  std::sort(candidates->begin(), candidates->end(), [](const Candidate& a, const Candidate& b) {
    return a.segment.header.generation > b.segment.header.generation;
  });
  return Status::Ok();
}

struct Scan {
  uint64_t end = 0;
  uint64_t position = 0;
  uint64_t claimed_end = 0;  // by the valid frames in front of any bad one
  bool reached_limit = false;
  int32_t select_db = 0;
  SegmentReader::Beyond beyond;  // when the limit was not reached
};

StatusOr<Scan> ScanSegment(const FileSystemPtr& fs, const RecoveredSegment& segment, uint64_t limit,
                           std::string* buffer) {
  TC_ASSIGN_OR_RETURN(SegmentReader reader,
                      SegmentReader::Open(fs, segment.path, segment.header, limit, buffer));
  Scan scan;
  scan.select_db = segment.header.select_db;
  codec::FrameHeader header;
  std::string_view payload;
  SegmentReader::Result result;
  while ((result = reader.Next(&header, &payload)) == SegmentReader::Result::kFrame) {
    scan.select_db = SelectAfter(payload, scan.select_db);
  }
  scan.end = reader.end();
  scan.position = reader.position();
  scan.claimed_end = reader.claimed_end();
  scan.reached_limit = result == SegmentReader::Result::kEnd;
  if (!scan.reached_limit) scan.beyond = reader.LookBeyond();
  return scan;
}

std::string BadFrame(const RecoveredSegment& segment, uint64_t position, uint64_t end) {
  return segment.path + " at offset " + std::to_string(position) + ": no valid frame with LSN " +
         std::to_string(end + 1);
}

void Retire(RecoveredSegment segment, RecoveredLog* log) {
  log->unused.push_back({std::move(segment.path), segment.number, segment.bytes});
}

}  // namespace

StatusOr<RecoveredLog> RecoverLog(const FileSystemPtr& fs, const std::string& dir) {
  RecoveredLog log;
  std::vector<Candidate> candidates;
  TC_RETURN_IF_ERROR(ListCandidates(fs, dir, &log, &candidates));
  if (candidates.empty()) return log;
  const uint32_t last_serial = SerialOf(candidates.front().segment.header.generation);
  if (last_serial == UINT32_MAX) return Status::Corruption(dir + ": segment serials are used up");
  log.next_serial = last_serial + 1;

  // The chain backwards, newest first.
  std::vector<RecoveredSegment> chain;
  for (Candidate& candidate : candidates) {
    if (!chain.empty() && candidate.segment.header.base_lsn > chain.back().header.previous_end) {
      Retire(std::move(candidate.segment), &log);
      continue;
    }
    if (!log.break_reason.empty()) {  // beyond the break: nothing can reach it
      Retire(std::move(candidate.segment), &log);
      continue;
    }
    if (!candidate.damage.empty()) {
      if (chain.empty()) return Status::Corruption(candidate.damage);
      log.break_reason = candidate.damage;
      Retire(std::move(candidate.segment), &log);
      continue;
    }
    chain.push_back(std::move(candidate.segment));
  }
  std::reverse(chain.begin(), chain.end());

  // Scan from the last one back until what is before it was durable for certain.
  std::vector<std::optional<Scan>> scans(chain.size());
  uint64_t claimed = 0;
  size_t first_scanned = chain.size();
  for (size_t i = chain.size(); i-- > 0;) {
    const bool last = i + 1 == chain.size();
    if (!last && claimed >= chain[i + 1].header.previous_end) break;
    const uint64_t limit = last ? SegmentReader::kNoLimit : chain[i + 1].header.previous_end;
    TC_ASSIGN_OR_RETURN(scans[i], ScanSegment(fs, chain[i], limit, &log.buffer));
    claimed = std::max({claimed, scans[i]->claimed_end, scans[i]->beyond.claimed_end});
    first_scanned = i;
  }
  // A segment is recycled only when a durable frame claims its whole length, and the first header
  // of a log is synced before any frame: so a predecessor that no claim makes superfluous must be
  // here.
  if (first_scanned == 0 && !log.break_reason.empty() && claimed < chain[0].header.previous_end) {
    return Status::Corruption(log.break_reason);
  }

  // Forward: the first place that cannot be reached is corruption or the end.
  size_t live = chain.size();
  for (size_t i = 0; i < chain.size(); ++i) {
    const bool last = i + 1 == chain.size();
    if (!last) chain[i].end = chain[i + 1].header.previous_end;
    if (!scans[i]) continue;
    const Scan& scan = *scans[i];
    chain[i].end = scan.end;
    log.select_db = scan.select_db;
    if (scan.reached_limit) continue;
    uint64_t evidence = scan.beyond.claimed_end;
    std::string witness =
        chain[i].path + " at offset " + std::to_string(scan.beyond.claim_position);
    uint64_t cut_bytes = scan.beyond.bytes;
    for (size_t j = i + 1; j < chain.size(); ++j) {
      const uint64_t claim = std::max(scans[j]->claimed_end, scans[j]->beyond.claimed_end);
      if (claim > evidence) {
        evidence = claim;
        witness = chain[j].path;
      }
      cut_bytes += scans[j]->position - codec::kSegmentHeaderSize + scans[j]->beyond.bytes;
    }
    if (evidence > scan.end) {
      return Status::Corruption(BadFrame(chain[i], scan.position, scan.end) +
                                ", which was durable according to a later frame (" + witness + ")");
    }
    if (cut_bytes > 0) {
      LOG(WARNING) << "log: " << BadFrame(chain[i], scan.position, scan.end)
                   << "; it was not durable: cut " << cut_bytes << " bytes";
    }
    live = i + 1;
    break;
  }
  for (size_t i = live; i < chain.size(); ++i) Retire(std::move(chain[i]), &log);
  chain.resize(live);
  // A segment without a single frame ends where it begins; nothing of it is needed, but its header
  // may declare a jump, so it stays.
  log.end = chain.back().end;
  log.claimed_end = std::min(claimed, log.end);
  log.chain = std::move(chain);
  return log;
}

Status ReplayLog(const FileSystemPtr& fs, RecoveredLog& log, Lsn from,
                 const std::function<Status(const ReplayFrame&)>& deliver,
                 const std::function<void(std::span<const ReplayFrame>)>& foresee) {
  from = std::max<Lsn>(from, 1);
  if (from > log.end) return Status::Ok();
  size_t first = log.chain.size();
  for (size_t i = log.chain.size(); i-- > 0;) {
    first = i;
    if (log.chain[i].header.base_lsn <= from) break;
    const bool jump = log.chain[i].header.base_lsn - 1 > log.chain[i].header.previous_end;
    if (jump || i == 0) {
      std::string message = log.chain[i].path + " at offset 0: the log begins with LSN " +
                            std::to_string(log.chain[i].header.base_lsn) + ", but LSN " +
                            std::to_string(from) + " is needed";
      if (jump) message += " and was not logged";
      if (!log.break_reason.empty()) message += "; " + log.break_reason;
      return Status::Corruption(std::move(message));
    }
  }
  for (size_t i = first; i < log.chain.size(); ++i) {
    const RecoveredSegment& segment = log.chain[i];
    TC_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(fs, segment.path, segment.header,
                                                                  segment.end, &log.buffer));
    int32_t select = segment.header.select_db;
    bool select_known = true;
    std::array<codec::FrameHeader, kFramesForeseen> headers;
    std::array<ReplayFrame, kFramesForeseen> frames;
    SegmentReader::Result result = SegmentReader::Result::kFrame;
    while (result == SegmentReader::Result::kFrame) {
      size_t count = 0;
      while (count < kFramesForeseen) {
        codec::FrameHeader& header = headers[count];
        ReplayFrame& frame = frames[count];
        result = reader.Next(&header, &frame.payload);
        if (result != SegmentReader::Result::kFrame) break;
        if (header.lsn < from) {
          select = SelectAfter(frame.payload, select);
          continue;
        }
        frame.lsn = header.lsn;
        frame.flags = header.flags;
        frame.upstream_id = std::string_view(header.upstream_id.data(), header.upstream_id.size());
        frame.upstream_offset = header.upstream_offset;
        frame.select_context = select_known ? select : -1;
        frame.segment_path = segment.path;
        frame.file_offset = reader.frame_position();
        // The caller may skip keyless frames, so they do not use the context up.
        if (frame.flags & codec::kFrameKeyless) {
          if (select_known) select = SelectAfter(frame.payload, select);
        } else {
          select_known = false;
        }
        ++count;
      }
      if (foresee && count > 0) foresee({frames.data(), count});
      for (size_t at = 0; at < count; ++at) {
        const ReplayFrame& frame = frames[at];
        const Status status = deliver(frame);
        if (!status.ok()) {
          return status.Annotate(segment.path + " at offset " + std::to_string(frame.file_offset) +
                                 " (LSN " + std::to_string(frame.lsn) + ")");
        }
      }
    }
    if (result == SegmentReader::Result::kBad) {
      return Status::Corruption(BadFrame(segment, reader.position(), reader.end()));
    }
  }
  return Status::Ok();
}

Status MakeTailDurable(const FileSystemPtr& fs, RecoveredLog& log) {
  for (const RecoveredSegment& segment : log.chain) {
    if (segment.end <= log.claimed_end) continue;
    TC_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(fs, segment.path, segment.header,
                                                                  segment.end, &log.buffer));
    codec::FrameHeader header;
    std::string_view payload;
    // The header was synced with the first frame: if no frame is durable, neither is it.
    uint64_t begin = 0;
    SegmentReader::Result result;
    while ((result = reader.Next(&header, &payload)) == SegmentReader::Result::kFrame) {
      if (reader.end() <= log.claimed_end) begin = reader.position();
    }
    if (result == SegmentReader::Result::kBad) {
      return Status::Corruption(BadFrame(segment, reader.position(), reader.end()));
    }
    SegmentFile file(fs, segment.path, segment.number, segment.bytes);
    TC_RETURN_IF_ERROR(file.Write(begin, reader.bytes().substr(begin, reader.position() - begin)));
    TC_RETURN_IF_ERROR(file.Sync());
  }
  return Status::Ok();
}

}  // namespace thermocline::engine
