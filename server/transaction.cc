// Queued commands and watched keys; see transaction.h.
#include "server/transaction.h"

#include <algorithm>

#include "server/client.h"
#include "server/commands/command_table.h"

namespace thermocline::server {

void CommandQueue::Add(Command* command, std::span<const std::string_view> argv) {
  entries_.push_back({command, lengths_.size(), argv.size(), bytes_.size()});
  for (const std::string_view arg : argv) {
    lengths_.push_back(arg.size());
    bytes_.append(arg);
  }
  flags_ |= command->spec->flags;
}

void CommandQueue::Clear() {
  constexpr size_t kKeptBytes = 16 * 1024;
  entries_.clear();
  lengths_.clear();
  bytes_.clear();
  if (bytes_.capacity() > kKeptBytes) bytes_.shrink_to_fit();
  flags_ = 0;
}

void CommandQueue::Arguments(size_t i, std::vector<std::string_view>* argv) const {
  argv->clear();
  const Entry& entry = entries_[i];
  size_t offset = entry.offset;
  for (size_t k = 0; k < entry.count; ++k) {
    const size_t length = lengths_[entry.first + k];
    argv->emplace_back(bytes_.data() + offset, length);
    offset += length;
  }
}

size_t CommandQueue::MemoryBytes() const {
  return entries_.capacity() * sizeof(Entry) + lengths_.capacity() * sizeof(size_t) +
         (bytes_.capacity() > 15 ? bytes_.capacity() : 0);
}

// ---- WATCH --------------------------------------------------------------------------------------

std::string WatchRegistry::Name(int db, std::string_view key) {
  std::string name(reinterpret_cast<const char*>(&db), sizeof db);
  name.append(key);
  return name;
}

void WatchRegistry::Watch(Client* client, int db, std::string_view key) {
  std::vector<TransactionState::Watched>& watched = client->transaction.watched;
  for (const TransactionState::Watched& w : watched) {
    if (w.db == db && w.key == key) return;
  }
  // An expired key is deleted here, before anybody watches it: it counts as missing.
  const engine::Entry* entry = database_->Find(db, key, engine::Database::Touch::kPeek);
  if (clients_ == 0) database_->SetWatching(true);
  if (watched.empty()) ++clients_;
  watched.push_back(
      {db, std::string(key), entry != nullptr, entry != nullptr ? entry->expiry_ms() : 0});
  watchers_[Name(db, key)].push_back(client);
}

void WatchRegistry::UnwatchAll(Client* client) {
  std::vector<TransactionState::Watched>& watched = client->transaction.watched;
  if (watched.empty()) return;
  for (const TransactionState::Watched& w : watched) {
    const auto it = watchers_.find(Name(w.db, w.key));
    std::erase(it->second, client);
    if (it->second.empty()) watchers_.erase(it);
  }
  watched.clear();
  --clients_;
  if (clients_ == 0 && database_ != nullptr) database_->SetWatching(false);
}

bool WatchRegistry::AnyExpired(const Client& client, int64_t now_ms) {
  const std::vector<TransactionState::Watched>& watched = client.transaction.watched;
  return std::any_of(watched.begin(), watched.end(), [now_ms](const auto& w) {
    return w.existed && w.expiry_ms != 0 && w.expiry_ms <= now_ms;
  });
}

void WatchRegistry::OnKeyChanged(int db, std::string_view key) {
  if (watchers_.empty()) return;
  scratch_.assign(reinterpret_cast<const char*>(&db), sizeof db);
  scratch_.append(key);
  const auto it = watchers_.find(scratch_);
  if (it == watchers_.end()) return;
  for (Client* client : it->second) client->transaction.dirty = true;
}

void WatchRegistry::OnDatabasesChanged(int a, int b) {
  // A client not yet dirty has seen no change of its keys, so `existed` is still true of them.
  for (const auto& [name, clients] : watchers_) {
    int db = 0;
    name.copy(reinterpret_cast<char*>(&db), sizeof db);
    if (db != a && db != b) continue;
    const std::string_view key = std::string_view(name).substr(sizeof db);
    // After SWAPDB the key is what the other database holds; a "maybe" there counts as a change.
    const bool exists_after = b >= 0 && database_->MayExist(db == a ? b : a, key);
    for (Client* client : clients) {
      for (const TransactionState::Watched& w : client->transaction.watched) {
        if (w.db == db && w.key == key && (w.existed || exists_after)) {
          client->transaction.dirty = true;
        }
      }
    }
  }
}

}  // namespace thermocline::server
