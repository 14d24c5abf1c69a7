// Layout: docs/formats/packed.md.
#include "codec/packed/listpack.h"

#include <cstring>
#include <limits>

#include "codec/number_text.h"

namespace thermocline::codec {

using namespace listpack_format;  // NOLINT(google-build-using-namespace): this file's own constants

namespace {

constexpr size_t kMaxBacklenSize = 5;

// The length bytes are in reverse: the last one is read first and carries the low seven bits; all
// but the one read last have the high bit set.
char* StoreBacklen(char* out, size_t n) {
  const size_t size = BacklenSize(n);
  for (size_t i = 0; i < size; ++i) {
    const size_t shift = 7 * (size - 1 - i);
    out[i] = static_cast<char>((n >> shift & 0x7f) | (i == 0 ? 0 : 0x80));
  }
  return out + size;
}

// Reads backwards from `last`. False: more bytes than any element has. At most five bytes are read,
// which lie inside a listpack that has at least one element.
bool LoadBacklen(const char* last, size_t* n) {
  size_t value = 0;
  for (size_t i = 0; i < kMaxBacklenSize; ++i) {
    const auto byte = static_cast<uint8_t>(*(last - i));
    value |= size_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80) == 0) {
      *n = value;
      return true;
    }
  }
  return false;
}

// Bytes of an element's head, the part that tells its size; 0 for what is no head.
size_t HeadSize(uint8_t head) {
  if (head < 0xc0) return 1;
  if (head < 0xf0) return 2;
  if (head == kText32) return 5;
  return head <= kInt64 ? 1 : 0;
}

void StoreListpackHeader(char* start, size_t bytes, size_t count) {
  StoreFixed32(start, static_cast<uint32_t>(bytes));
  StoreFixed16(start + 4, count < kCountUnknown ? static_cast<uint16_t>(count) : kCountUnknown);
}

// After an edit: the new size, and the count if it is known.
void UpdateHeader(char* start, size_t bytes, size_t added, size_t removed) {
  const size_t count = LoadFixed16(start + 4);
  StoreListpackHeader(start, bytes, count == kCountUnknown ? count : count + added - removed);
}

std::string MakeListpack(std::string_view elements, size_t count) {
  std::string out;
  out.reserve(kHeaderSize + elements.size() + 1);
  out.resize(kHeaderSize);
  out.append(elements);
  out.push_back(static_cast<char>(kEnd));
  StoreListpackHeader(out.data(), out.size(), count);
  return out;
}

std::string_view Elements(ListpackView listpack) {
  return listpack.bytes().substr(kHeaderSize, listpack.byte_size() - kHeaderSize - 1);
}

void InsertAll(ByteStore& store, size_t at, ListpackView from) {
  const std::string_view elements = Elements(from);
  const size_t total = store.bytes().size() + elements.size();
  char* const gap = store.Splice(at, 0, elements.size());
  std::memcpy(gap, elements.data(), elements.size());
  char* const start = gap - at;
  const size_t count = LoadFixed16(start + 4);
  const size_t more = LoadFixed16(from.bytes().data() + 4);
  // An unknown count is contagious, even if the sum could be found by a walk.
  StoreListpackHeader(
      start, total, count == kCountUnknown || more == kCountUnknown ? kCountUnknown : count + more);
}

}  // namespace

// --- reading ---

size_t ListpackView::Before(size_t offset) const {
  if (offset <= kHeaderSize) return kNone;
  size_t n = 0;
  LoadBacklen(bytes_.data() + offset - 1, &n);
  return offset - n - BacklenSize(n);
}

size_t ListpackView::CountByWalk() const {
  size_t count = 0;
  for (size_t at = First(); at != kNone; at = Next(at)) ++count;
  return count;
}

size_t ListpackView::Seek(int64_t index) const {
  const size_t known = LoadFixed16(bytes_.data() + 4);
  bool forward = index >= 0;
  if (known != kCountUnknown) {
    const auto count = static_cast<int64_t>(known);
    if (index < 0) index += count;
    if (index < 0 || index >= count) return kNone;
    forward = index < count / 2;
    if (!forward) index -= count;
  }
  size_t at = forward ? First() : Last();
  for (; index > 0 && at != kNone; --index) at = Next(at);
  for (; index < -1 && at != kNone; ++index) at = Prev(at);
  return at;
}

bool ListpackView::Equals(size_t offset, std::string_view text) const {
  const PackedValue value = At(offset);
  if (!value.is_int) return value.text == text;
  int64_t number = 0;
  return ParseInt64(text, &number) && number == value.number;
}

size_t ListpackView::Find(size_t from, std::string_view text, size_t stride) const {
  if (from == kNone) return kNone;
  int64_t number = 0;
  const bool is_int = ParseInt64(text, &number);
  // Text that looks like a number is possible in bytes from elsewhere, so text is compared even
  // if a number is looked for.
  const auto is_text = [text](const char* data, size_t size) {
    return size == text.size() && std::memcmp(data, text.data(), size) == 0;
  };
  const char* p = bytes_.data() + from;
  for (size_t skip = 0; static_cast<uint8_t>(*p) != kEnd;) {
    const auto head = static_cast<uint8_t>(*p);
    const bool compare = skip == 0;
    skip = (compare ? stride : skip) - 1;
    // Short text and small numbers are nearly all there is: their size needs no second look.
    if (head < 0xc0) {
      const size_t size = head < 0x80 ? 0 : head & 0x3fU;
      if (compare && (head < 0x80 ? is_int && number == head : is_text(p + 1, size))) break;
      p += size + 2;
      continue;
    }
    const auto offset = static_cast<size_t>(p - bytes_.data());
    if (compare) {
      const PackedValue value = At(offset);
      if (value.is_int ? is_int && number == value.number
                       : is_text(value.text.data(), value.text.size())) {
        break;
      }
    }
    p += EntrySize(offset);
  }
  return ElementOrNone(static_cast<size_t>(p - bytes_.data()));
}

// --- one element ---

ListpackElement::ListpackElement(std::string_view text) {
  int64_t number = 0;
  if (ParseInt64(text, &number)) {
    SetNumber(number);
    return;
  }
  data_ = text;
  if (text.size() < 1 << 6) {
    head_[0] = static_cast<char>(0x80 | text.size());
    head_size_ = 1;
  } else if (text.size() < 1 << 12) {
    head_[0] = static_cast<char>(0xe0 | text.size() >> 8);
    head_[1] = static_cast<char>(text.size());
    head_size_ = 2;
  } else {
    head_[0] = static_cast<char>(kText32);
    StoreFixed32(head_ + 1, static_cast<uint32_t>(text.size()));
    head_size_ = 5;
  }
  const size_t n = head_size_ + text.size();
  size_ = n + BacklenSize(n);
}

ListpackElement::ListpackElement(int64_t number) { SetNumber(number); }

void ListpackElement::SetNumber(int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  const auto fits = [number](int width) {
    const int64_t limit = int64_t{1} << (width - 1);
    return number >= -limit && number < limit;
  };
  if (number >= 0 && number <= 127) {
    head_[0] = static_cast<char>(number);
    head_size_ = 1;
  } else if (fits(13)) {
    head_[0] = static_cast<char>(0xc0 | (bits >> 8 & 0x1f));
    head_[1] = static_cast<char>(bits);
    head_size_ = 2;
  } else if (fits(16)) {
    head_[0] = static_cast<char>(kInt16);
    StoreFixed16(head_ + 1, static_cast<uint16_t>(bits));
    head_size_ = 3;
  } else if (fits(24)) {
    head_[0] = static_cast<char>(kInt24);
    StoreFixed16(head_ + 1, static_cast<uint16_t>(bits));
    head_[3] = static_cast<char>(bits >> 16);
    head_size_ = 4;
  } else if (fits(32)) {
    head_[0] = static_cast<char>(kInt32);
    StoreFixed32(head_ + 1, static_cast<uint32_t>(bits));
    head_size_ = 5;
  } else {
    head_[0] = static_cast<char>(kInt64);
    StoreFixed64(head_ + 1, bits);
    head_size_ = 9;
  }
  size_ = head_size_ + 1U;
}

char* ListpackElement::Store(char* out) const {
  std::memcpy(out, head_, head_size_);
  out += head_size_;
  if (!data_.empty()) std::memcpy(out, data_.data(), data_.size());
  return StoreBacklen(out + data_.size(), head_size_ + data_.size());
}

// --- editing ---

std::string_view EmptyListpack() {
  static constexpr char kEmpty[] = {7, 0, 0, 0, 0, 0, static_cast<char>(kEnd)};
  return {kEmpty, sizeof(kEmpty)};
}

size_t ListpackInsert(ByteStore& store, size_t at, std::span<const ListpackElement> elements) {
  size_t added = 0;
  for (const ListpackElement& element : elements) added += element.size();
  const size_t total = store.bytes().size() + added;
  char* const gap = store.Splice(at, 0, added);
  char* out = gap;
  for (const ListpackElement& element : elements) out = element.Store(out);
  UpdateHeader(gap - at, total, elements.size(), 0);
  return at;
}

size_t ListpackInsert(ByteStore& store, size_t at, const ListpackElement& element) {
  return ListpackInsert(store, at, std::span(&element, 1));
}

size_t ListpackInsertAfter(ByteStore& store, size_t at, const ListpackElement& element) {
  return ListpackInsert(store, at + ListpackView(store.bytes()).EntrySize(at), element);
}

size_t ListpackAppend(ByteStore& store, const ListpackElement& element) {
  return ListpackInsert(store, ListpackView(store.bytes()).end(), element);
}

size_t ListpackPrepend(ByteStore& store, const ListpackElement& element) {
  return ListpackInsert(store, kHeaderSize, element);
}

void ListpackReplace(ByteStore& store, size_t at, const ListpackElement& element) {
  const ListpackView before(store.bytes());
  const size_t removed = before.EntrySize(at);
  const size_t total = before.byte_size() - removed + element.size();
  char* const gap = store.Splice(at, removed, element.size());
  element.Store(gap);
  UpdateHeader(gap - at, total, 1, 1);
}

size_t ListpackErase(ByteStore& store, size_t at, size_t n) {
  const ListpackView before(store.bytes());
  size_t end = at;
  size_t erased = 0;
  for (; erased < n && end != before.end(); ++erased) end += before.EntrySize(end);
  const size_t total = before.byte_size() - (end - at);
  char* const gap = store.Splice(at, end - at, 0);
  UpdateHeader(gap - at, total, 0, erased);
  return at == total - 1 ? ListpackView::kNone : at;
}

void ListpackEraseRange(ByteStore& store, int64_t index, size_t n) {
  if (n == 0) return;
  const size_t at = ListpackView(store.bytes()).Seek(index);
  if (at != ListpackView::kNone) ListpackErase(store, at, n);
}

void ListpackAppendAll(ByteStore& store, ListpackView from) {
  InsertAll(store, ListpackView(store.bytes()).end(), from);
}

void ListpackPrependAll(ByteStore& store, ListpackView from) {
  InsertAll(store, kHeaderSize, from);
}

std::string ListpackCopyRange(ListpackView from, size_t index, size_t n) {
  if (index > static_cast<size_t>(std::numeric_limits<int64_t>::max())) {
    return std::string(EmptyListpack());
  }
  const size_t begin = from.Seek(static_cast<int64_t>(index));
  if (begin == ListpackView::kNone) return std::string(EmptyListpack());
  size_t end = begin;
  size_t count = 0;
  for (; count < n && end != from.end(); ++count) end += from.EntrySize(end);
  return MakeListpack(from.bytes().substr(begin, end - begin), count);
}

ListpackBuilder::ListpackBuilder() : bytes_(kHeaderSize, '\0') {}

void ListpackBuilder::Add(const ListpackElement& element) {
  const size_t at = bytes_.size();
  bytes_.resize(at + element.size());
  element.Store(bytes_.data() + at);
  ++count_;
}

std::string ListpackBuilder::Take() {
  bytes_.push_back(static_cast<char>(kEnd));
  StoreListpackHeader(bytes_.data(), bytes_.size(), count_);
  std::string out = std::move(bytes_);
  *this = ListpackBuilder();
  return out;
}

// --- bytes from outside ---

bool ValidateListpack(std::string_view bytes,
                      const std::function<bool(const PackedValue&)>& visit) {
  if (bytes.size() < kHeaderSize + 1 || LoadFixed32(bytes.data()) != bytes.size()) return false;
  const size_t end = bytes.size() - 1;
  if (static_cast<uint8_t>(bytes[end]) != kEnd) return false;
  const ListpackView view(bytes);
  size_t count = 0;
  size_t at = kHeaderSize;
  while (static_cast<uint8_t>(bytes[at]) != kEnd) {
    const size_t head_size = HeadSize(static_cast<uint8_t>(bytes[at]));
    // The end byte is never part of an element, so at <= end holds throughout.
    if (head_size == 0 || head_size > end - at) return false;
    const size_t n = EncodedSize(bytes.data() + at);
    const size_t entry = n + BacklenSize(n);
    if (entry > end - at) return false;
    size_t backlen = 0;
    if (!LoadBacklen(bytes.data() + at + entry - 1, &backlen) || backlen != n) return false;
    if (visit && !visit(view.At(at))) return false;
    at += entry;
    ++count;
  }
  const uint16_t announced = LoadFixed16(bytes.data() + 4);
  return at == end && (announced == kCountUnknown || announced == count);
}

}  // namespace thermocline::codec
