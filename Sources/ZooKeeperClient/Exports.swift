// `Stat`, `ACL`, `Identity`, `Permission`, `ErrorCode`, `ClientInfo`: the protocol's values are this library's values.
@_exported import ZooKeeperProtocol
