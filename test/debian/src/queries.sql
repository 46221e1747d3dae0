create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 200) insert into t select x, 'n' || (x * 7 % 13) from c;
select b, count(*), avg(a) from t group by b order by b;
create index i on t(b);
select sum(a) from t where b between 'n1' and 'n4';
