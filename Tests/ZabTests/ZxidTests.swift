import Testing
import Zab

@Suite struct ZxidTests {
    @Test func partsComeBack() {
        let zxid = Zxid.make(epoch: 7, counter: 9)
        #expect(zxid == 0x7_0000_0009)
        #expect(Zxid.epoch(of: zxid) == 7)
        #expect(Zxid.counter(of: zxid) == 9)
        #expect(Zxid.isLast(0x7_ffff_ffff))
        #expect(!Zxid.isLast(0x7_ffff_fffe))
    }
}
