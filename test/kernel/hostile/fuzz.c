/* System calls with arguments out of a hat, those that name files left out: nothing that a program asks may break the kernel. Not for Linux
 * itself to run. Arguments: seed, rounds. */
#include "../src/lib.h"
static u8 buf[65536] __attribute__((aligned(4096)));
static u64 rng; static u64 rnd(void){ rng ^= rng<<13; rng ^= rng>>7; rng ^= rng<<17; return rng; }
static void on(int s){(void)s;}
static u64 arg(void){
  switch(rnd()%16){
    case 0: return 0; case 1: return 1; case 2: return ~0ul; case 3: return 8; case 4: return 4096; case 5: return (u64)buf + rnd()%60000; case 6: return (u64)buf + (rnd()%16)*4096;
    case 7: return 0x7fffffffeff0 + rnd()%64; case 8: return 1ul<<63; case 9: return 0xffffffff; case 10: return rnd()%70; case 11: return rnd(); case 12: return (u64)buf; case 13: return 2; case 14: return 0x7fffffffffffffff; default: return 1ul<<(rnd()%64);
  }
}
int main(int argc,char**argv){
  u64 seed = argc>1?number(argv[1]):1, rounds = argc>2?number(argv[2]):50; int status; u64 crashed=0;
  for(u64 r=0;r<rounds;r++){
    i64 pid=fork();
    if(pid==0){
      rng=seed*7919+r*104729+1; for(int i=0;i<5;i++) rnd();
      for (int s=1;s<32;s++) if (s!=KILL&&s!=STOP&&s!=SEGV&&s!=BUS) action(s,on,0,0);
      timer_ms(1,1);
      for(int i=0;i<400;i++){
        static const u16 calls[] = { 9, 10, 11, 12, 13, 14, 22, 24, 25, 26, 27, 28, 32, 33, 35, 36, 37, 38, 39, 56, 61, 62, 63, 72, 96, 97, 98, 99, 100, 102, 105, 106, 109, 110, 111, 112,
          113, 114, 115, 116, 117, 119, 121, 124, 125, 127, 128, 131, 135, 140, 141, 142, 143, 144, 145, 149, 157, 158, 160, 186, 200, 201, 202, 203, 204, 218, 228, 229, 230, 234, 247, 273, 292, 293, 302, 309, 318, 334, 435, 470, 1000 };
        u64 n = calls[rnd() % (sizeof calls / sizeof *calls)];
        if(n==60||n==231||n==15||n==57||n==58) continue;
        if((n==56||n==435) && rnd()%4) continue;
        u64 a=arg(),b=arg(),c=arg(),d=arg(),e=arg(),f=arg();
        if((n==62||n==200||n==234||n==129||n==297) ) { if (n==62&&((i64)(int)a==-1||a==0)) a=(u64)sys3(SYS_getpid,0,0,0); }
                i64 x=sys6((i64)n,(i64)a,(i64)b,(i64)c,(i64)d,(i64)e,(i64)f);
        (void)x;
        if (n==38||n==37) timer_ms(1,1);
        if (n==13) action(ALRM,on,0,0);
        if (n==14) mask_to(0);
      }
      leave(0);
    }
    for (i64 got; (got = reap(-1,&status)) != -10; ) if (got > 0 && (status&0x7f)) crashed++;
  }
  say("ended by signals", (i64)crashed);
  return 0; }
