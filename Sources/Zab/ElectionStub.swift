public struct Election {}
