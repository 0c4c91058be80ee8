show server_encoding
show client_encoding
show standard_conforming_strings
show datestyle
set datestyle to 'ISO, DMY'
select '01/02/2024'::date
reset datestyle
set timezone to 'Asia/Tokyo'
select timestamptz '2024-01-01 00:00:00+00'
reset timezone
set intervalstyle to 'iso_8601'
select interval '1 day 2 hours'
reset intervalstyle
set bytea_output to 'escape'
select '\x4142ff'::bytea
reset bytea_output
set extra_float_digits to 0
select 0.1::float8 + 0.2
reset extra_float_digits
set work_mem to '8MB'
show work_mem
reset work_mem
set statement_timeout to '20ms'
select pg_sleep(5)
reset statement_timeout
set lc_messages to $$C$$
set xmloption to document
reset xmloption
set session characteristics as transaction isolation level repeatable read
show transaction_isolation
set session characteristics as transaction isolation level read committed
select set_config('work_mem', '1MB', true)
